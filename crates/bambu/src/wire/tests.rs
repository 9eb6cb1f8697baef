//! How values are read, mended and merged.

use std::cell::Cell;

use super::*;

thread_local! {
    /// How often a part was asked for its id: the work of merging a list of them.
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

wire! {
    /// A part.
    pub struct Part { id: i64, state: i64 }
    /// A thing.
    pub struct Thing { number: i64, real: f32, flag: bool, text: Text, bits: Hex, signal: Dbm,
        three = "3D": Part, parts: Keyed<Part>, list: List<i64> }
}
impl Member for Part {
    type Id = i64;
    const MOST: usize = 8;

    fn id(&self) -> Option<i64> {
        ASKED.set(ASKED.get() + 1);
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
    known.merge(read(r#"{"parts":[{"id":"2","state":3},{"id":5}]}"#), Kind::Delta);
    let parts = known.parts.clone().expect("parts").0;
    let facts: Vec<_> = parts.iter().map(|p| (p.id, p.state)).collect();
    assert_eq!(facts, [(Some(1), Some(1)), (Some(2), Some(3)), (Some(5), None)]);
    known.merge(read(r#"{"parts":[{"id":2}]}"#), Kind::Full);
    assert_eq!(known.parts.expect("parts").0, [Part { id: Some(2), state: Some(3) }]);
}

/// As much as one message can be.
const MEGABYTE: usize = 1 << 20;

/// A list that is as long as a message can be, of items with their number in the place of `#`.
fn endless(item: &str) -> String {
    let mut list = String::from("[");
    for number in 0.. {
        if list.len() + item.len() + 8 > MEGABYTE {
            break;
        }
        list += &item.replace('#', &number.to_string());
        list.push(',');
    }
    list.pop();
    list + "]"
}

#[test]
fn a_text_is_cut_after_a_whole_character() {
    let long =
        |text: &str| read(&format!(r#"{{"text":"{}","number":1}}"#, text.repeat(MEGABYTE / text.len())));
    for (text, kept) in
        [("x", LONGEST_TEXT), ("é", LONGEST_TEXT), ("€", LONGEST_TEXT), ("x€€", LONGEST_TEXT - 1)]
    {
        let thing = long(text);
        assert_eq!(thing.text.map(|text| text.len()), Some(kept), "{text}");
        assert_eq!(thing.number, Some(1));
    }
    let longest = "x".repeat(LONGEST_TEXT);
    assert_eq!(read(&format!(r#"{{"text":"{longest}"}}"#)).text.as_deref(), Some(longest.as_str()));
}

#[test]
fn of_a_list_only_the_first_items_are_read() {
    let list = endless("#");
    let thing = read(&format!(r#"{{"list":{list},"number":1}}"#));
    assert_eq!(thing.list.map(|list| list.0), Some((0..256).collect()));
    assert_eq!(thing.number, Some(1), "what follows it is read as ever");
    let nothing = read(&format!(r#"{{"list":{}}}"#, endless("[]")));
    assert_eq!(nothing.list, Some(List(Vec::new())));
}

#[test]
fn the_work_of_a_list_of_parts_does_not_grow_with_it() {
    for item in [r#"{"id":#}"#, r#"{"id":1}"#, r#"{"state":1}"#] {
        let list = endless(item);
        ASKED.set(0);
        let mut known = read(&format!(r#"{{"parts":[{{"id":1}},{{"id":-1}}],"list":{list}}}"#));
        for kind in [Kind::Delta, Kind::Full] {
            known.merge(read(&format!(r#"{{"parts":{list}}}"#)), kind);
        }
        assert!(known.parts.is_some_and(|parts| parts.0.len() <= Part::MOST), "{item}");
        assert!(ASKED.get() < 1000, "{item}: {} ids were looked at", ASKED.get());
    }
}

#[test]
fn a_list_that_is_full_takes_news_of_what_it_has() {
    let mut known = read(&format!(r#"{{"parts":{}}}"#, endless(r#"{"id":#}"#)));
    let news = r#"{"parts":[{"id":99,"state":1},{"id":3,"state":2}]}"#;
    assert!(known.merge(read(news), Kind::Delta));
    assert!(!known.merge(read(news), Kind::Delta), "the second time it is nothing new");
    let parts = known.parts.clone().expect("parts").0;
    assert_eq!(parts.len(), Part::MOST);
    assert_eq!(parts[3], Part { id: Some(3), state: Some(2) });
    known.merge(read(news), Kind::Full);
    let parts = known.parts.expect("parts").0;
    assert_eq!(parts.len(), 2, "a full report makes room");
}

#[test]
fn nesting_is_no_limit() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let depth = 100_000;
        let deep = open.repeat(depth) + "1" + &close.repeat(depth);
        for name in ["unknown", "number", "list", "parts", "3D"] {
            let thing = read(&format!(r#"{{"{name}":{deep},"signal":"-5dBm"}}"#));
            assert_eq!(thing.signal, Some(Dbm(-5)), "{name}");
        }
    }
}
