import ArgumentParser
import Workflows

/// What every command that uses a workspace accepts.
struct GlobalOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Workspace folder.",
            discussion: "Default: VLMPIPE_WORKSPACE, else the nearest .vlmpipe upwards from here.", valueName: "dir"))
    var workspace: String?

    @Option(name: .long, help: ArgumentHelp("Worker threads (default: all cores).", valueName: "n"))
    var threads: Int?

    @Flag(name: [.long, .short], help: "No progress and no messages on stderr; errors still show.")
    var quiet = false

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads is \(threads), must be from 1 to 1024")
        }
    }

    /// Opens the workspace for reading; fails when there is none.
    func session() throws -> Session {
        try Session.open(workspace: workspace, threads: threads, isQuiet: quiet, mode: .reading)
    }

    /// Opens the workspace for writing, making it when there is none, and takes its lock.
    func writingSession() throws -> Session {
        try Session.open(workspace: workspace, threads: threads, isQuiet: quiet, mode: .writing)
    }
}
