import ByteFormats
import Foundation
import PipelineEngine
import Reports
import SampleCatalog

/// Which quarantined samples are meant.
public struct QuarantineSelection: Sendable {
    /// Only these data sets; all if empty.
    public var datasets: [String]
    /// Only what this stage set aside, such as `ingest` or `embed`.
    public var stage: String?
    /// Only this reason, such as `malformed`.
    public var reason: String?

    /// A selection.
    public init(datasets: [String], stage: String?, reason: String?) {
        self.datasets = datasets
        self.stage = stage
        self.reason = reason
    }
}

/// One quarantined sample as it is written: a line of `dataset quarantine --json` and of an export.
struct QuarantineEntry: Encodable {
    var dataset: String
    var shard: String
    var ordinal: UInt32
    var key: String
    var stage: String
    var code: String
    var reason: String
    /// The file that holds the bytes, or the address of a stream.
    var path: String
    /// Where in the file (of a packed tar or a stream: in the unpacked bytes) the trouble is.
    var offset: Int64
    /// Bytes of the image, when ingest had found it.
    var length: Int64?

    init(_ sample: QuarantinedSample) {
        dataset = sample.shard.dataset
        shard = sample.shard.name
        ordinal = sample.record.ordinal
        key = sample.record.key
        stage = sample.record.stage
        code = sample.record.code
        reason = sample.record.reason
        path = sample.path
        offset = sample.record.byteOffset
        length = sample.image?.byteCount
    }

    static let columns = [
        "dataset", "shard", "ordinal", "key", "stage", "code", "reason", "path", "offset", "length",
    ]

    /// A line of CSV after RFC 4180.
    var commaSeparated: String {
        Self.line([
            dataset, shard, "\(ordinal)", key, stage, code, reason, path, "\(offset)", length.map { "\($0)" } ?? "",
        ])
    }

    static func line(_ cells: [String]) -> String {
        cells.map { cell in
            let isPlain = !cell.utf8.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
            return isPlain ? cell : "\"" + cell.replacingOccurrences(of: "\"", with: "\"\"") + "\""
        }.joined(separator: ",") + "\r\n"
    }

    /// A line for people. A tar is one file with offsets; in a folder the path is the image's own.
    var text: String {
        let place = "\(path):\(offset) \(key.isEmpty ? "-" : key)"
        return TerminalText.sanitized("\(place) [\(stage)/\(code)] \(reason)")
    }
}

extension DatasetWorkflow {
    /// Hands over one line for each quarantined sample: as JSON in the order of data set, shard and ordinal; for people
    /// by reason, the most frequent first, each reason under a heading with its count.
    public static func quarantine(
        _ selection: QuarantineSelection, asJSON: Bool, in session: Session, show: (String) -> Void
    ) throws {
        let catalog = try session.readCatalog()
        guard !asJSON else {
            return try forEach(selection, catalog) { show(try JSONFile.line($0)) }
        }
        var counts: [[String]: Int] = [:]
        try forEach(selection, catalog) { counts[[$0.stage, $0.code], default: 0] += 1 }
        for (reason, count) in counts.sorted(by: { ($1.value, $0.key.joined()) < ($0.value, $1.key.joined()) }) {
            show(TerminalText.sanitized("\(reason[0])/\(reason[1]) \(ProgressReporter.grouped(count))"))
            let one = QuarantineSelection(datasets: selection.datasets, stage: reason[0], reason: reason[1])
            try forEach(one, catalog) { show("  " + $0.text) }
        }
    }

    /// Writes the quarantined samples to a file, whole or not at all: comma-separated values if its name ends in `.csv`,
    /// JSON lines if in `.jsonl`, `.ndjson` or `.json`. Returns a line for people.
    ///
    /// - Throws: `WorkflowError` with code `usage` for another name.
    public static func exportQuarantine(
        _ selection: QuarantineSelection, to path: String, in session: Session
    ) throws -> String {
        let ending = (path as NSString).pathExtension.lowercased()
        guard ["csv", "jsonl", "ndjson", "json"].contains(ending) else {
            throw WorkflowError(
                .usage, "the name of an export ends in .csv (comma-separated) or .jsonl (JSON lines)", place: path)
        }
        let catalog = try session.readCatalog()
        var count = 0
        try AtomicFile.write(path: path) { writer in
            if ending == "csv" { try writer.write(QuarantineEntry.line(QuarantineEntry.columns).utf8) }
            // A writer cannot be borrowed by an escaping closure; pages keep memory bounded all the same.
            var page = ""
            try forEach(selection, catalog) { entry in
                count += 1
                page += ending == "csv" ? entry.commaSeparated : try JSONFile.line(entry) + "\n"
                if page.utf8.count >= 1 << 20 {
                    try writer.write(page.utf8)
                    page = ""
                }
            }
            try writer.write(page.utf8)
        }
        return "wrote \(ProgressReporter.grouped(count)) quarantined samples to \(path)"
    }

    /// Marks what failed for another look by the stage that refused it; returns a line for people.
    public static func retryQuarantined(_ selection: QuarantineSelection, in session: Session) throws -> String {
        let catalog = try session.writeCatalog()
        var marks = SampleCatalog.RetryMarks()
        for dataset in try names(selection, catalog) {
            let more = try catalog.markForRetry(ofDataset: dataset, stage: selection.stage, code: selection.reason)
            marks.samples += more.samples
            marks.shardsToIngest += more.shardsToIngest
            marks.shardsToEmbed += more.shardsToEmbed
        }
        guard marks.samples > 0 else { return "nothing is quarantined that fits" }
        var next: [String] = []
        if marks.shardsToIngest > 0 {
            next.append("'vlmpipe ingest' on their sources (\(ProgressReporter.grouped(marks.shardsToIngest)) shards)")
        }
        if marks.shardsToEmbed > 0 {
            next.append("'vlmpipe embed' (\(ProgressReporter.grouped(marks.shardsToEmbed)) shards)")
        }
        let text = "marked \(ProgressReporter.grouped(marks.samples)) for another look"
        return next.isEmpty ? text : text + "; run " + next.joined(separator: ", then ")
    }

    private static func forEach(
        _ selection: QuarantineSelection, _ catalog: SampleCatalog, _ body: (QuarantineEntry) throws -> Void
    ) throws {
        for dataset in try names(selection, catalog) {
            try catalog.forEachQuarantined(ofDataset: dataset, stage: selection.stage, code: selection.reason) {
                try body(QuarantineEntry($0))
            }
        }
    }

    private static func names(_ selection: QuarantineSelection, _ catalog: SampleCatalog) throws -> [String] {
        selection.datasets.isEmpty ? try catalog.datasetNames() : selection.datasets
    }
}
