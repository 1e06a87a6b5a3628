import ByteFormats
import FoundationEssentials

/// One line of a run's `metrics.jsonl`.
public struct MetricsRecord: Codable, Sendable, Equatable {
    /// `step` or `evaluation`.
    public enum Kind: String, Codable, Sendable {
        /// One optimisation step.
        case step
        /// One hold-out evaluation, after the step.
        case evaluation
    }

    /// What the line is about.
    public var kind: Kind
    /// Steps done, this one included.
    public var step: Int
    /// The epoch of the step, from 0.
    public var epoch: Int
    /// The loss of the step's batch.
    public var loss: Double?
    /// The stored logit scale (a logarithm) after the step.
    public var logitScale: Double?
    /// The learning rate of the step.
    public var learningRate: Double?
    /// The gradient's global norm before clipping.
    public var gradientNorm: Double?
    /// Samples in the batch.
    public var sampleCount: Int?
    /// Samples per second over the recent past; the one value that differs between equal runs.
    public var samplesPerSecond: Double?
    /// The values of an evaluation by name, for example `textToImage.recall@10`.
    public var metrics: [String: Double]?
}

/// The metrics of a run as JSON lines.
///
/// After a resume the file is cut back to the checkpoint's step, so that it reads as if the run had never been broken.
public enum MetricsLog {
    /// The file's name in the run folder.
    public static let fileName = "metrics.jsonl"

    /// Reads all whole lines of a log, in order; a line torn by a kill is left out. No file gives no records.
    ///
    /// May be called while the run goes on.
    ///
    /// - Throws: errors of the file system, and of the JSON decoder for a whole line that is not a record.
    public static func records(path: String) throws -> [MetricsRecord] {
        guard Folder.exists(path) else { return [] }
        let file = try RandomAccessFile(path: path)
        return try parse(file.read(byteOffset: 0, byteCount: file.byteCount)).map(\.record)
    }

    static func parse(_ bytes: [UInt8]) throws -> [(record: MetricsRecord, byteEnd: Int)] {
        let decoder = JSONDecoder()
        var lines: [(MetricsRecord, Int)] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            lines.append((try decoder.decode(MetricsRecord.self, from: Data(bytes[start..<end])), end + 1))
            start = end + 1
        }
        return lines
    }
}

/// Appends to a run's log.
struct MetricsWriter: ~Copyable {
    private var file: AppendFile
    private let encoder = JSONEncoder()

    /// Opens the log and cuts off every line after `step` and a torn last line.
    init(path: String, keepingThroughStep step: Int) throws {
        var file = try AppendFile(path: path)
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let lines = try MetricsLog.parse(file.read(byteOffset: 0, byteCount: file.byteCount))
        try file.truncate(to: lines.prefix { $0.record.step <= step }.last?.byteEnd ?? 0)
        self.file = file
    }

    mutating func append(_ record: MetricsRecord) throws {
        try file.append([UInt8](encoder.encode(record)) + [UInt8(ascii: "\n")])
    }

    /// Returns when the lines are on the disk; called before a checkpoint that relies on them.
    func synchronize() throws {
        try file.synchronize()
    }
}
