//! The command line, `rustyray-host`.

fn main() -> std::process::ExitCode {
    rustyray_cli::main()
}
