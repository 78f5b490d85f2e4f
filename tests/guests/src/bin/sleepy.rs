//! Sleeps whenever it is started, also when it is only asked what it offers.

extern "C" fn sleep() {
    std::thread::sleep(std::time::Duration::from_secs(9));
}

#[used]
#[unsafe(link_section = ".init_array")]
static SLEEP: extern "C" fn() = sleep;

#[rustyray::remote]
fn never() {}

fn main() {}
