import GRDB
import Samples

/// A quarantine row with what is needed to find the bytes.
public struct QuarantinedSample: Hashable, Sendable {
    /// Its shard.
    public let shard: CatalogShard
    /// Why it was set aside.
    public let record: QuarantineRecord
    /// The image's file, relative to the root, where the shard's samples are files.
    public let file: String?
    /// Where the image is, if ingest found it good.
    public let image: ByteRange?

    /// Absolute path of the file that holds the sample.
    public var path: String {
        file.map { CatalogPath.join(shard.rootPath, $0) } ?? shard.absolutePath
    }
}

extension SampleCatalog {
    /// Hands over quarantine rows by data set, shard, ordinal and stage. Memory does not grow with their number.
    ///
    /// - Parameters:
    ///   - stage: only rows of this stage.
    ///   - code: only rows with this reason.
    public func forEachQuarantined(
        ofDataset dataset: String? = nil, stage: String? = nil, code: String? = nil,
        _ body: (QuarantinedSample) throws -> Void
    ) throws(CatalogError) {
        try read { db in
            try SampleCatalog.check(dataset, db)
            let shards = try Row.fetchAll(
                db,
                sql: SampleCatalog.shardQuery + """
                     WHERE (:dataset IS NULL OR d.name = :dataset) ORDER BY d.name, s.name
                    """, arguments: ["dataset": dataset]
            ).map(SampleCatalog.shard)
            for shard in shards {
                let rows = try Row.fetchCursor(
                    db,
                    sql: """
                        SELECT q.id, q.stage, q.key, q.byte_offset, q.code, q.reason, f.path, s.byte_offset, s.byte_count
                        FROM quarantine q LEFT JOIN files f ON f.id = q.id LEFT JOIN samples s ON s.id = q.id
                        WHERE q.id BETWEEN :first AND :last AND (:stage IS NULL OR q.stage = :stage)
                            AND (:code IS NULL OR q.code = :code)
                        ORDER BY q.id, q.stage
                        """,
                    arguments: [
                        "first": shard.id.firstKey, "last": shard.id.lastKey, "stage": stage, "code": code,
                    ])
                while let row = try rows.next() {
                    var image: ByteRange?
                    if let offset: Int64 = row[7], let count: Int64 = row[8] {
                        image = ByteRange(checkedOffset: offset, byteCount: count)
                    }
                    try body(
                        QuarantinedSample(
                            shard: shard,
                            record: QuarantineRecord(
                                ordinal: SampleKey(rawValue: row[0]).ordinal, stage: row[1], key: row[2],
                                byteOffset: row[3], code: row[4], reason: row[5]), file: row[6], image: image))
                }
            }
        }
    }

    /// Quarantine rows with their shards, by data set, shard, ordinal and stage; at most `limit`.
    public func quarantine(
        ofDataset dataset: String? = nil, stage: String? = nil, limit: Int = .max
    ) throws(CatalogError) -> [(shard: CatalogShard, record: QuarantineRecord)] {
        var result: [(shard: CatalogShard, record: QuarantineRecord)] = []
        try forEachQuarantined(ofDataset: dataset, stage: stage) { sample in
            if result.count < limit { result.append((sample.shard, sample.record)) }
        }
        return result
    }

    /// What a request to look again has marked.
    public struct RetryMarks: Hashable, Sendable {
        /// Samples and things found that will be looked at again because they failed.
        public var samples = 0
        /// Shards that the next ingest reads again.
        public var shardsToIngest = 0
        /// Shards that the next embed does again.
        public var shardsToEmbed = 0

        /// Nothing.
        public init() {}

        init(samples: Int, shardsToIngest: Int, shardsToEmbed: Int) {
            self.samples = samples
            self.shardsToIngest = shardsToIngest
            self.shardsToEmbed = shardsToEmbed
        }
    }

    /// Marks what failed for another look by the stage that refused it, in one transaction.
    ///
    /// - Ingest: a file of a folder or manifest loses its recorded signature, so the next ingest takes it as changed; a
    ///   tar loses its recorded settings, so the next ingest reads it again from the start. The rows stay until then, so
    ///   that found = samples + quarantined holds.
    /// - Later stages: the rows go, so the samples are usable again; a shard with rows of `embed` gets another content
    ///   digest, so the next embed does it again.
    ///
    /// - Parameters:
    ///   - stage: only rows of this stage.
    ///   - code: only rows with this reason.
    public func markForRetry(
        ofDataset dataset: String? = nil, stage: String? = nil, code: String? = nil
    ) throws(CatalogError) -> RetryMarks {
        var failed: [QuarantinedSample] = []
        try forEachQuarantined(ofDataset: dataset, stage: stage, code: code) { failed.append($0) }
        return try write { db in
            var marks = RetryMarks()
            var ingest: Set<ShardID> = []
            var embed: [ShardID: CatalogShard] = [:]
            for sample in failed {
                let key = SampleKey(shard: sample.shard.id, ordinal: sample.record.ordinal).rawValue
                marks.samples += 1
                if sample.record.stage != "ingest" {
                    try db.execute(
                        sql: "DELETE FROM quarantine WHERE id = ? AND stage = ?",
                        arguments: [key, sample.record.stage])
                    if sample.record.stage == "embed" { embed[sample.shard.id] = sample.shard }
                } else if sample.file != nil {
                    try db.execute(
                        sql: "UPDATE files SET signature = ? WHERE id = ?",
                        arguments: [SampleCatalog.blob(.unknownFile), key])
                    ingest.insert(sample.shard.id)
                } else {
                    try db.execute(
                        sql: "UPDATE shards SET settings = 'retry' WHERE id = ?",
                        arguments: [sample.shard.id.rawValue])
                    ingest.insert(sample.shard.id)
                }
            }
            for shard in embed.values {
                let digest = Digest(hashing: "retry " + (shard.contentDigest?.hexadecimal ?? ""))
                try db.execute(
                    sql: "UPDATE shards SET content_digest = ? WHERE id = ?",
                    arguments: [SampleCatalog.blob(digest), shard.id.rawValue])
            }
            marks.shardsToIngest = ingest.count
            marks.shardsToEmbed = embed.count
            return marks
        }
    }
}

extension Digest {
    /// Stands in a file's signature for "to be looked at again". No file has it.
    static let unknownFile = Digest(hashing: "vlmpipe: look at this file again")
}
