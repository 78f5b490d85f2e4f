//! The command line: `rustyray-host run`, `call` and `inspect`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
