import PipelineEngine
import Reports
import SampleCatalog

/// Counts of data sets: the content of `vlmpipe dataset stats --json`. Always: found = samples + quarantined.
public struct DatasetStatistics: Codable, Sendable {
    /// An attribute and how often samples have it.
    public struct Attribute: Codable, Sendable {
        /// Samples with a number.
        public var numbers: Int
        /// Samples with a text.
        public var texts: Int
        /// The smallest number; absent without numbers.
        public var minimum: Double?
        /// The largest number; absent without numbers.
        public var maximum: Double?
    }

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
    /// Samples by image format.
    public var formats: [String: Int]
    /// Samples by the shorter side in pixels, such as `256-335`; the last step is open: `2048-`.
    public var sizes: [String: Int]
    /// Attributes by name.
    public var attributes: [String: Attribute]
    /// Quarantined ones by stage and reason.
    public var quarantinedByReason: [String: Int]

    init(_ counts: CatalogCounts, _ uses: [AttributeUse]) {
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
        formats = counts.samplesByFormat
        sizes = [:]
        for (step, count) in counts.samplesBySize { sizes[Self.sizeName(from: step)] = count }
        attributes = [:]
        for use in uses {
            attributes[use.name] = Attribute(
                numbers: use.numbers, texts: use.texts, minimum: use.range?.lowerBound, maximum: use.range?.upperBound)
        }
        quarantinedByReason = counts.quarantinedByReason
    }

    private static func sizeName(from step: Int) -> String {
        "\(step)-" + (CatalogCounts.sizeSteps.first { $0 > step }.map { "\($0 - 1)" } ?? "")
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
        sum.formats.merge(right.formats, uniquingKeysWith: +)
        sum.sizes.merge(right.sizes, uniquingKeysWith: +)
        sum.attributes.merge(right.attributes) { first, second in
            Attribute(
                numbers: first.numbers + second.numbers, texts: first.texts + second.texts,
                minimum: [first.minimum, second.minimum].compactMap(\.self).min(),
                maximum: [first.maximum, second.maximum].compactMap(\.self).max())
        }
        sum.quarantinedByReason.merge(right.quarantinedByReason, uniquingKeysWith: +)
        return sum
    }

    /// Most attributes that people are shown; JSON has all.
    private static let shownAttributeCount = 20

    /// The counts for people.
    public var text: String {
        var text = line("found", ProgressReporter.grouped(found))
        text += line("samples", ProgressReporter.grouped(samples))
        text += line("quarantined", ProgressReporter.grouped(quarantined))
        text += line("distinct images", "\(ProgressReporter.grouped(images)), \(ByteText.text(Int(imageBytes)))")
        text += line(
            "captions",
            "\(ProgressReporter.grouped(captions)) on \(ProgressReporter.grouped(captionedSamples)) samples")
        text += line("splits", list(splits))
        text += line("formats", list(formats))
        // By size, not by the letters of its name.
        let steps = CatalogCounts.sizeSteps.map(Self.sizeName).compactMap { name in sizes[name].map { (name, $0) } }
        text += line(
            "shorter sides",
            steps.map { "\($0)\($0.hasSuffix("-") ? "" : " px") \(ProgressReporter.grouped($1))" }
                .joined(separator: ", "))
        text += line(
            "shards",
            "\(ProgressReporter.grouped(shards))" + (missingShards > 0 ? ", \(missingShards) missing" : "")
                + (pendingShards > 0 ? ", \(pendingShards) not finished" : ""))
        if !quarantinedByReason.isEmpty { text += line("reasons", list(quarantinedByReason)) }
        if !attributes.isEmpty { text += "attributes\n" + attributeTable }
        return text
    }

    private var attributeTable: String {
        var table = TerminalTable(columns: [
            .init("  name"), .init("samples", alignsRight: true), .init("kind"), .init("least", alignsRight: true),
            .init("most", alignsRight: true),
        ])
        let sorted = attributes.sorted {
            ($1.value.numbers + $1.value.texts, $0.key) < ($0.value.numbers + $0.value.texts, $1.key)
        }
        for (name, use) in sorted.prefix(Self.shownAttributeCount) {
            let kind = use.texts == 0 ? "number" : use.numbers == 0 ? "text" : "number or text"
            table.rows.append([
                "  " + name, ProgressReporter.grouped(use.numbers + use.texts), kind, number(use.minimum),
                number(use.maximum),
            ])
        }
        let rest = attributes.count - Self.shownAttributeCount
        return table.text(width: nil, usesColor: false) + (rest > 0 ? "  and \(rest) more, see --json\n" : "")
    }

    private func number(_ value: Double?) -> String {
        guard let value else { return "" }
        if let whole = Int(exactly: value), abs(whole) < 1 << 53 { return "\(whole)" }
        return "\((value * 10_000).rounded() / 10_000)"
    }

    private func line(_ name: String, _ value: String) -> String {
        TerminalText.padded(name, toWidth: 20) + value + "\n"
    }

    private func list(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map {
            "\(TerminalText.sanitized($0.key)) \(ProgressReporter.grouped($0.value))"
        }
        .joined(separator: ", ")
    }
}
