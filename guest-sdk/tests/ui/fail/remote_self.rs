struct Counter;

impl Counter {
    #[rustyray::remote]
    fn get(&self) -> i32 {
        1
    }
}

fn main() {}
