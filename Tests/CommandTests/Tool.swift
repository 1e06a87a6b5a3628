import Foundation
import Testing

/// Runs the built `vlmpipe`, which lies beside the test executable.
struct Tool: Sendable {
    /// What a run left behind.
    struct Outcome: Sendable {
        let exitStatus: Int32
        let wasKilled: Bool
        let output: String
        let errors: String
    }

    /// The workspace that every run uses.
    let workspace: String
    /// The folder that runs start in.
    let folder: String

    static let path: String = {
        let link = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: link).deletingLastPathComponent().appendingPathComponent("vlmpipe").path
    }()

    /// Runs to the end, or kills the process (SIGKILL) after `killAfterSeconds`; standard input is empty unless given.
    func run(_ arguments: [String], input: String = "", killAfterSeconds: Double? = nil) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        var environment = ProcessInfo.processInfo.environment
        environment["VLMPIPE_WORKSPACE"] = workspace
        process.environment = environment
        // Files instead of pipes: nothing has to be drained while the process runs.
        let outputs = try ["out", "err"].map { name in
            let path = "\(folder)/\(UUID().uuidString).\(name)"
            try Data().write(to: URL(fileURLWithPath: path))
            return (path, try FileHandle(forWritingTo: URL(fileURLWithPath: path)))
        }
        process.standardOutput = outputs[0].1
        process.standardError = outputs[1].1
        let inputPath = "\(folder)/\(UUID().uuidString).in"
        try Data(input.utf8).write(to: URL(fileURLWithPath: inputPath))
        let inputFile = try FileHandle(forReadingFrom: URL(fileURLWithPath: inputPath))
        process.standardInput = inputFile
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try process.run()
        if let seconds = killAfterSeconds, ended.wait(timeout: .now() + seconds) == .timedOut {
            kill(process.processIdentifier, SIGKILL)
        }
        process.waitUntilExit()
        try inputFile.close()
        try FileManager.default.removeItem(atPath: inputPath)
        let texts = try outputs.map { path, handle in
            try handle.close()
            let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
            try FileManager.default.removeItem(atPath: path)
            return text
        }
        return Outcome(
            exitStatus: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
            output: texts[0], errors: texts[1])
    }

    /// Runs to the end and expects success.
    @discardableResult
    func succeed(
        _ arguments: [String], input: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Outcome {
        let outcome = try run(arguments, input: input)
        try #require(
            outcome.exitStatus == 0, "vlmpipe \(arguments.joined(separator: " "))\n\(outcome.errors)",
            sourceLocation: sourceLocation)
        return outcome
    }
}
