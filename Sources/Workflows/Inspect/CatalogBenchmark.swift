import ByteFormats
import Foundation
import PipelineEngine
import SampleCatalog
import Samples

/// Measures the catalog on synthetic rows: the content of `vlmpipe-bench catalog`.
public struct CatalogBenchmark: Codable, Sendable {
    /// One query, the median of three runs.
    public struct Query: Codable, Sendable {
        /// The condition or the words.
        public var text: String
        /// Samples found; for a caption search those returned.
        public var found: Int
        /// Median seconds.
        public var seconds: Double
        /// For a caption search, whether all samples with the words were ranked.
        public var isExhaustive: Bool?
    }

    /// Samples made.
    public var rows: Int
    /// Seconds to insert all rows with captions and attributes.
    public var insertSeconds: Double
    /// Seconds to build the derived indexes.
    public var indexSeconds: Double
    /// Rows over both.
    public var rowsPerSecond: Double
    /// Bytes of the file for each row, all included.
    public var bytesPerRow: Double
    /// Bytes for each row without the captions and their index.
    public var bytesPerRowWithoutCaptions: Double
    /// Bytes for each row by table.
    public var bytesPerRowByTable: [String: Double]
    /// Attribute filters to a row set.
    public var filters: [Query]
    /// Caption searches for the best twenty.
    public var captionSearches: [Query]
    /// Seconds for the counts of `dataset stats`.
    public var statsSeconds: Double
    /// Peak of resident memory in bytes, mapped files included.
    public var peakMemoryBytes: Int

    /// Samples of a synthetic shard, as those of img2dataset.
    static let shardRowCount = 10_000
    /// Samples of a transaction, as ingest commits them.
    static let chunkRowCount = 256

    /// Makes a catalog of `rows` samples at `path`, which must not exist, and measures it.
    ///
    /// The rows look like LAION's: a nine-digit key, sizes from 200 to 1,199 pixels, a caption of ten words drawn by
    /// Zipf's law from 50,000, `similarity`, `punsafe`, `pwatermark`, `original_width` and a `url` of 60 characters.
    /// The same `rows` give the same rows.
    public static func run(rows: Int, path: String, note: (String) -> Void) throws -> CatalogBenchmark {
        guard !FileManager.default.fileExists(atPath: path) else {
            throw WorkflowError(.usage, "there is a file of this name already", place: path)
        }
        let catalog = try SampleCatalog(path: path, access: .write)
        let started = ProgressReporter.monotonicSeconds()
        try insert(rows: rows, into: catalog)
        let inserted = ProgressReporter.monotonicSeconds()
        note("inserted")
        try catalog.prepareDerivedIndexes()
        let indexed = ProgressReporter.monotonicSeconds()
        note("indexed")
        try catalog.close()

        let reader = try SampleCatalog(path: path, access: .read)
        let sizes = try reader.byteCounts().mapValues { Double($0) / Double(max(1, rows)) }
        let captions = sizes.filter { $0.key.hasPrefix("caption") }.values.reduce(0, +)
        let total = sizes.values.reduce(0, +)
        let filters = try [
            "similarity > 0.3 and width >= 512", "width >= 512 and height >= 512", "punsafe < 0.01",
            "url LIKE '%7f3a%'", "split = 'test' AND captions > 0",
        ].map { condition in
            try measured(condition) { (try reader.samples(matching: condition).count, nil) }
        }
        let searches = try [
            "word1", "word10", "word30 word100", "word1000", "word20000", "\"word1 word2\"", "word100*",
        ]
        .map { query in
            try measured(query) {
                let found = try reader.samples(withCaption: query)
                return (found.matches.count, found.isExhaustive)
            }
        }
        let statsStarted = ProgressReporter.monotonicSeconds()
        _ = try reader.counts()
        return CatalogBenchmark(
            rows: rows, insertSeconds: inserted - started, indexSeconds: indexed - inserted,
            rowsPerSecond: Double(rows) / (indexed - started), bytesPerRow: total,
            bytesPerRowWithoutCaptions: total - captions, bytesPerRowByTable: sizes, filters: filters,
            captionSearches: searches, statsSeconds: ProgressReporter.monotonicSeconds() - statsStarted,
            peakMemoryBytes: try MemoryReading.current().peakResidentByteCount)
    }

    private static func measured(_ text: String, _ body: () throws -> (Int, Bool?)) throws -> Query {
        var seconds: [Double] = []
        var result: (Int, Bool?) = (0, nil)
        for _ in 0..<3 {
            let started = ProgressReporter.monotonicSeconds()
            result = try body()
            seconds.append(ProgressReporter.monotonicSeconds() - started)
        }
        return Query(text: text, found: result.0, seconds: seconds.sorted()[1], isExhaustive: result.1)
    }

    private static func insert(rows: Int, into catalog: SampleCatalog) throws {
        var generator = SeededGenerator(seed: 0x5EED)
        let words = ZipfWords(count: 50_000)
        for first in stride(from: 0, to: rows, by: shardRowCount) {
            let digits = String(first / shardRowCount)
            let name = String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".tar"
            let count = min(shardRowCount, rows - first)
            guard
                let shard = try catalog.register([
                    ShardRegistration(
                        dataset: "synthetic", rootPath: "/synthetic", path: name, kind: .tar, name: name,
                        settings: "none")
                ]).first
            else { continue }
            for start in stride(from: 0, to: count, by: chunkRowCount) {
                let end = min(start + chunkRowCount, count)
                var chunk = SampleChunk(
                    cursor: .init(byteOffset: Int64(end) * 40_000, ordinal: UInt32(end), digest: nil))
                chunk.samples = (start..<end).map { sample(first + $0, ordinal: $0, words, &generator) }
                try catalog.append(
                    chunk, to: shard.id, completingWith: end == count ? Digest(hashing: name) : nil)
            }
        }
    }

    private static func sample(
        _ number: Int, ordinal: Int, _ words: ZipfWords, _ generator: inout SeededGenerator
    ) -> SampleRecord {
        let key = String(number)
        var digest: [UInt8] = []
        for _ in 0..<4 {
            let bits = generator.next()
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                digest.append(UInt8(truncatingIfNeeded: bits >> shift))
            }
        }
        let url = "https://images.example.com/photos/" + String(generator.next() | 1 << 63, radix: 16)
        return SampleRecord(
            ordinal: UInt32(ordinal), key: String(repeating: "0", count: max(0, 9 - key.count)) + key,
            split: number % 20 == 0 ? Split(rawValue: "test") : .train,
            image: ByteRange(
                offset: Int64(ordinal) * 40_000 + 512, byteCount: Int64(30_000 + generator.next() % 8_000)),
            format: .jpeg, pixelWidth: Int(200 + generator.next() % 1_000),
            pixelHeight: Int(200 + generator.next() % 1_000), orientation: .upright,
            digest: Digest(bytes: digest) ?? Digest(hashing: digest),
            captions: [(0..<10).map { _ in words.word(generator.uniform()) }.joined(separator: " ")],
            attributes: [
                .init(name: "original_width", value: .integer(Int64(200 + generator.next() % 4_000))),
                .init(name: "punsafe", value: .real(generator.uniform())),
                .init(name: "pwatermark", value: .real(generator.uniform())),
                .init(name: "similarity", value: .real(generator.uniform() / 2)),
                .init(name: "url", value: .text(url + "/\(number).jpg")),
            ])
    }
}

/// Words `word1`, `word2` … of which word n comes 1/n times as often as the first.
private struct ZipfWords {
    private let bounds: [Double]

    init(count: Int) {
        var sum = 0.0
        var bounds: [Double] = []
        for rank in 1...count {
            sum += 1 / Double(rank)
            bounds.append(sum)
        }
        self.bounds = bounds
    }

    /// - Parameter share: from 0 (the commonest word) to less than 1.
    func word(_ share: Double) -> String {
        let wanted = share * (bounds.last ?? 0)
        var low = 0
        var high = bounds.count - 1
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return "word\(low + 1)"
    }
}
