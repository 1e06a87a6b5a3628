import CLibFuzzer
import Foundation

/// Runs libFuzzer on one parser: `VLMPIPE_FUZZ_PARSER=tar vlmpipe-fuzz CORPUS -max_total_time=30`; see Tests/fuzz.sh.
///
/// Whatever the bytes, a parser gives a value or throws; a trap, a hang, or memory beyond libFuzzer's limit is a finding.
@main struct Fuzz {
    /// The parser that the environment names.
    static let parser: Parser = {
        let name = ProcessInfo.processInfo.environment["VLMPIPE_FUZZ_PARSER"] ?? ""
        guard let parser = Parser(rawValue: name) else {
            let names = Parser.allCases.map(\.rawValue).joined(separator: " ")
            FileHandle.standardError.write(Data("VLMPIPE_FUZZ_PARSER is '\(name)', not one of: \(names)\n".utf8))
            exit(64)
        }
        return parser
    }()

    static func main() async throws {
        if CommandLine.arguments.dropFirst().first == "--list" {
            print(Parser.allCases.map(\.rawValue).joined(separator: "\n"))
            return
        }
        if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "--seeds" {
            try await IndexSeeds.write(for: parser, into: CommandLine.arguments[2])
            return
        }
        _ = parser
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv
        let status = unsafe LLVMFuzzerRunDriver(&count, &arguments) { bytes, byteCount in
            let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: byteCount))
            // An error is what a parser is to answer.
            do { try Fuzz.parser.parse(input) } catch {}
            return 0
        }
        exit(status)
    }
}
