//! How values are read, mended and merged.

use super::*;

wire! {
    /// A part.
    pub struct Part { id: i64, state: i64 }
    /// A thing.
    pub struct Thing { number: i64, real: f32, flag: bool, text: Text, bits: Hex, signal: Dbm,
        three = "3D": Part, parts: Keyed<Part>, list: List<i64> }
}
impl Member for Part {
    type Id = i64;
    fn id(&self) -> Option<i64> {
        self.id
    }
}

fn read(json: &str) -> Thing {
    document(json.as_bytes()).expect("readable").expect("an object").0
}

#[test]
fn a_value_of_the_wrong_type_loses_only_itself() {
    let thing = read(
        r#"{"number":{"a":[1]},"real":"x","flag":[],"text":null,"bits":"zz","list":{"a":1},"3D":7,
        "parts":"none","signal":"-5","unknown":[{"deep":null}]}"#,
    );
    assert_eq!(thing, Thing::default());
    assert_eq!(read(r#"{"list":[1,"x",null,"2"],"number":1}"#).list, Some(List(vec![1, 2])));
}

#[test]
fn numbers_come_as_numbers_or_as_text() {
    assert_eq!(read(r#"{"number":"42"}"#).number, Some(42));
    assert_eq!(read(r#"{"number":" 13 "}"#).number, Some(13));
    assert_eq!(read(r#"{"number":"13.5"}"#).number, Some(14));
    assert_eq!(read(r#"{"number":7.0}"#).number, Some(7));
    assert_eq!(read(r#"{"real":"22.5"}"#).real, Some(22.5));
    for nothing in [r#""""#, r#""-""#, r#""22.""#, r#""null""#, r#""inf""#, r#""1e999""#, "true", "null"] {
        let thing = read(&format!(r#"{{"number":{nothing},"real":{nothing}}}"#));
        assert_eq!((thing.number, thing.real), (None, None), "{nothing}");
    }
}

#[test]
fn bit_fields_are_hexadecimal_of_any_length_or_signed_integers() {
    assert_eq!(read(r#"{"bits":"3EC1AFFF9CFF"}"#).bits, Some(Hex(0x3EC1_AFFF_9CFF)));
    assert_eq!(read(r#"{"bits":"14023FF18FFF9CB3F"}"#).bits, Some(Hex(0x4023_FF18_FFF9_CB3F)));
    let signed = read(r#"{"bits":-1066934785}"#).bits.expect("a value");
    assert!(signed.bit(0) && signed.bit(31) && !signed.bit(29));
    assert_eq!(Hex(0b1101_0000).bits(4, 3), 0b101);
    assert_eq!(Hex(1).bits(64, 3), 0);
}

#[test]
fn the_last_of_two_members_with_one_name_wins() {
    assert_eq!(read(r#"{"number":3,"number":4}"#).number, Some(4));
}

#[test]
fn what_printers_break_is_mended() {
    let mended = |bytes: &[u8]| document::<Thing>(bytes).expect("mended").expect("an object").0;
    assert_eq!(
        mended(b"{\"text\":\"\xf04\xcb? 5\",\"number\":1}").text.expect("text"),
        "\u{FFFD}4\u{FFFD}? 5"
    );
    assert_eq!(mended(b"{\"text\":\"a\nb\"}").text.expect("text"), "a\nb");
    assert_eq!(mended(br#"{"text":"x\ud83dy","number":2}"#).text.expect("text"), "x\u{FFFD}y");
    assert_eq!(mended(br#"{"text":"\ud83d\ude00 \"q\\"}"#).text.expect("text"), "😀 \"q\\");
    assert_eq!(mended(b"{\"real\":NaN,\"number\":-Infinity,\"flag\":true}").flag, Some(true));
    assert_eq!(mended(b"{\"real\":1e999,\"flag\":true}").flag, Some(true));
    assert_eq!(mended(b"\xef\xbb\xbf{\"number\":1}\0").number, Some(1));
    assert_eq!(mended(b"{\"number\":1}{\"number\":2}").number, Some(1));
}

#[test]
fn broken_or_foreign_documents_are_told_apart() {
    assert!(document::<Thing>(b"{\"number\":2,\"text\":\"RUNN").is_err());
    assert!(document::<Thing>(b"").is_err());
    for no_object in ["null", "[]", "42", "\"x\"", "true", "1.5"] {
        assert_eq!(document::<Thing>(no_object.as_bytes()).expect("json"), None, "{no_object}");
    }
}

#[test]
fn lists_are_merged_by_id() {
    let mut known = read(r#"{"parts":[{"id":1,"state":1},{"id":2,"state":2},{"state":9}]}"#);
    known.absorb(read(r#"{"parts":[{"id":"2","state":3},{"id":5}]}"#), Kind::Delta);
    let parts = known.parts.clone().expect("parts").0;
    let facts: Vec<_> = parts.iter().map(|p| (p.id, p.state)).collect();
    assert_eq!(facts, [(Some(1), Some(1)), (Some(2), Some(3)), (Some(5), None)]);
    known.absorb(read(r#"{"parts":[{"id":2}]}"#), Kind::Full);
    assert_eq!(known.parts.expect("parts").0, [Part { id: Some(2), state: Some(3) }]);
}
