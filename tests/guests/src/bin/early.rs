//! Calls the program that embeds it before anything else, and so also when it is only asked what it offers.

/// The embedder's own interface.
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package tests:embedder;
            interface mistakes {
                mistake: func(place: string);
            }
            world guest {
                import mistakes;
            }
        ",
    });
}

extern "C" fn early() {
    bindings::tests::embedder::mistakes::mistake("early");
}

#[used]
#[unsafe(link_section = ".init_array")]
static EARLY: extern "C" fn() = early;

#[rustyray::remote]
fn one() -> u32 {
    1
}

fn main() {}
