//! The `bambu2mqtt` program; everything it does is in the library.

use bambu2mqtt::service::Exit;

fn main() -> Exit {
    bambu2mqtt::cli::main()
}
