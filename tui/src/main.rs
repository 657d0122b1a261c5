//! The program `twocan`; everything is in the library.

fn main() -> std::process::ExitCode {
    twocan::cli::main()
}
