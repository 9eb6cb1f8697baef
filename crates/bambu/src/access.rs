//! The kinds of places where printers are heard and asked: THE table of them. A fact that differs between them is a
//! member here, and nothing else asks which kind it is.

/// How printers are reached at a place.
#[derive(Debug, PartialEq, Eq)]
pub struct Access {
    /// What people call it.
    pub name: &'static str,
    /// A printer in Developer Mode can be there, so new firmware alone does not prove that it wants signatures
    /// (protocol 6.2).
    pub developer_mode: bool,
    /// Which one speaks for a printer that is heard equally well at several; the higher.
    pub rank: u8,
}

/// The broker of an account in the vendor's cloud; a printer in Developer Mode leaves it.
pub static CLOUD: Access = Access { name: "the cloud", developer_mode: false, rank: 0 };
