//! The command line, `rustyray-host`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
