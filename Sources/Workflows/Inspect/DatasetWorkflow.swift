import Foundation
import PipelineEngine
import Reports
import SampleCatalog
import Samples
import Shards

/// Counts of data sets: the content of `vlmpipe dataset stats --json`. Always: found = samples + quarantined.
public struct DatasetStatistics: Codable, Sendable {
    /// Everything found.
    public var found: Int
    /// Usable samples.
    public var samples: Int
    /// What some stage set aside.
    public var quarantined: Int
    /// Distinct images among the samples, by their bytes.
    public var images: Int
    /// Captions of the samples.
    public var captions: Int
    /// Samples with at least one caption.
    public var captionedSamples: Int
    /// Bytes of the samples' images.
    public var imageBytes: Int64
    /// Shards in any state.
    public var shards: Int
    /// Shards whose file is gone.
    public var missingShards: Int
    /// Shards whose ingest is not finished.
    public var pendingShards: Int
    /// Samples by split.
    public var splits: [String: Int]
    /// Quarantined ones by stage and reason.
    public var quarantinedByReason: [String: Int]

    init(_ counts: CatalogCounts) {
        found = counts.found
        samples = counts.samples
        quarantined = counts.quarantined
        images = counts.distinctImages
        captions = counts.captions
        captionedSamples = counts.captionedSamples
        imageBytes = counts.imageByteCount
        shards = counts.shards
        missingShards = counts.missingShards
        pendingShards = counts.pendingShards
        splits = counts.samplesBySplit
        quarantinedByReason = counts.quarantinedByReason
    }

    /// Adds the counts of another data set; images are counted once for each data set they are in.
    static func + (left: DatasetStatistics, right: DatasetStatistics) -> DatasetStatistics {
        var sum = left
        sum.found += right.found
        sum.samples += right.samples
        sum.quarantined += right.quarantined
        sum.images += right.images
        sum.captions += right.captions
        sum.captionedSamples += right.captionedSamples
        sum.imageBytes += right.imageBytes
        sum.shards += right.shards
        sum.missingShards += right.missingShards
        sum.pendingShards += right.pendingShards
        sum.splits.merge(right.splits, uniquingKeysWith: +)
        sum.quarantinedByReason.merge(right.quarantinedByReason, uniquingKeysWith: +)
        return sum
    }

    /// The counts for people.
    public var text: String {
        func line(_ name: String, _ value: String) -> String { TerminalText.padded(name, toWidth: 20) + value + "\n" }
        func list(_ counts: [String: Int]) -> String {
            counts.sorted { $0.key < $1.key }.map {
                "\(TerminalText.sanitized($0.key)) \(ProgressReporter.grouped($0.value))"
            }
            .joined(separator: ", ")
        }
        var text = line("found", ProgressReporter.grouped(found))
        text += line("samples", ProgressReporter.grouped(samples))
        text += line("quarantined", ProgressReporter.grouped(quarantined))
        text += line("distinct images", "\(ProgressReporter.grouped(images)), \(ByteText.text(Int(imageBytes)))")
        text += line(
            "captions",
            "\(ProgressReporter.grouped(captions)) on \(ProgressReporter.grouped(captionedSamples)) samples")
        text += line("splits", list(splits))
        text += line(
            "shards",
            "\(ProgressReporter.grouped(shards))" + (missingShards > 0 ? ", \(missingShards) missing" : "")
                + (pendingShards > 0 ? ", \(pendingShards) not finished" : ""))
        if !quarantinedByReason.isEmpty { text += line("reasons", list(quarantinedByReason)) }
        return text
    }
}

/// Looks at the catalog without changing it.
public enum DatasetWorkflow {
    /// Counts over the named data sets, or all.
    ///
    /// - Throws: `CatalogError` for an unknown name.
    public static func stats(datasets: [String], in session: Session) throws -> DatasetStatistics {
        let catalog = try session.readCatalog()
        guard let first = datasets.first else { return DatasetStatistics(try catalog.counts()) }
        return try datasets.dropFirst().reduce(DatasetStatistics(catalog.counts(ofDataset: first))) { sum, name in
            try sum + DatasetStatistics(catalog.counts(ofDataset: name))
        }
    }

    private struct Entry: Encodable {
        var dataset: String
        var shard: String
        var ordinal: UInt32
        var key: String
        var stage: String
        var code: String
        var reason: String
        var path: String
        var offset: Int64
    }

    /// Hands over one line for each quarantined sample.
    public static func quarantine(
        datasets: [String], asJSON: Bool, in session: Session, show: (String) -> Void
    ) throws {
        let catalog = try session.readCatalog()
        for dataset in datasets.isEmpty ? [nil] : datasets.map(Optional.some) {
            for (shard, record) in try catalog.quarantine(ofDataset: dataset) {
                let entry = Entry(
                    dataset: shard.dataset, shard: shard.name, ordinal: record.ordinal, key: record.key,
                    stage: record.stage, code: record.code, reason: record.reason, path: shard.absolutePath,
                    offset: record.byteOffset)
                if asJSON {
                    show(try JSONFile.line(entry))
                } else {
                    // A tar is one file with offsets; in a folder the key leads to the file.
                    let place =
                        shard.kind == .tar
                        ? "\(entry.path):\(entry.offset) \(entry.key.isEmpty ? "-" : entry.key)"
                        : "\(entry.path): \(entry.key), byte \(entry.offset)"
                    show(TerminalText.sanitized("\(place) [\(entry.stage)/\(entry.code)] \(entry.reason)"))
                }
            }
        }
    }

    /// Tells the catalog that the sources below one folder are now below another; returns a line for people.
    ///
    /// - Throws: `WorkflowError` with code `noInput` when the new folder does not exist, `CatalogError` when nothing is
    ///   recorded below the old one.
    public static func relocate(from old: String, to new: String, in session: Session) throws -> String {
        guard FileKind.ofItem(atPath: new) == .folder else {
            throw WorkflowError(.noInput, "there is no such folder", place: new)
        }
        // The old folder need not exist any more, so its path is only put in absolute form.
        let oldPath = URL(fileURLWithPath: old).standardized.path
        let count = try session.writeCatalog().relocate(from: oldPath, to: try SourcePath.absolute(new))
        return "\(ProgressReporter.grouped(count)) shard\(count == 1 ? " is" : "s are") now found below \(new)"
    }

    /// Takes a data set out of the catalog; returns a line for people.
    ///
    /// - Throws: `CatalogError` for an unknown name.
    public static func remove(_ name: String, in session: Session) throws -> String {
        let catalog = try session.writeCatalog()
        let count = try catalog.counts(ofDataset: name).found
        try catalog.removeDataset(name)
        return
            "forgot \(ProgressReporter.grouped(count)) samples of \(name); 'vlmpipe embed' takes them out of the indexes"
    }

    /// Hands over the catalog as sorted text, piece by piece.
    public static func dump(in session: Session, show: (String) -> Void) throws {
        try session.readCatalog().dump { show($0) }
    }
}
