//! A plain program that knows nothing of tasks.

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    println!("plain {arguments:?}");
}
