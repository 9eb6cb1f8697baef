//! What Bambu Lab printers say and understand, without sockets and without a clock.
//!
//! Bytes go in through [`session::Session::handle`], and out come requests for the printer and
//! [`Snapshot`](crate::printer::Snapshot)s of it.
//! The protocol has no official description; public ones are
//! [OpenBambuAPI](https://github.com/Doridian/OpenBambuAPI) and the source of
//! [BambuStudio](https://github.com/bambulab/BambuStudio).
//!
//! Must not know: topics of the local broker, entities, Home Assistant, sockets.

pub mod envelope;
pub mod models;
pub mod report;
pub mod request;
pub mod session;
pub mod snapshot;
pub mod wire;
