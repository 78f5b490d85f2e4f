//! A program without tasks, whose `main` cannot fail.

#[rustyray::main]
async fn main() {
    async {}.await;
}
