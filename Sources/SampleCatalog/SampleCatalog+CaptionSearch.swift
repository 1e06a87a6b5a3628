import GRDB
import Samples

/// The samples whose captions fit a text best.
public struct CaptionMatches: Hashable, Sendable {
    /// One sample.
    public struct Match: Hashable, Sendable {
        /// The sample.
        public let identity: SampleIdentity
        /// BM25 (k1 1.2, b 0.75) over all captions of the sample as one text; greater is better.
        public let score: Double
    }

    /// Best first; equal scores by shard and ordinal.
    public var matches: [Match] = []
    /// Whether all samples with the words were ranked; else the first `SampleCatalog.rankedCaptionCount` of them were.
    public var isExhaustive = true
    /// Complete shards whose captions are not indexed yet and were not searched.
    public var unindexedShards = 0
}

extension SampleCatalog {
    /// Most samples that a caption search ranks: it bounds the time for words that stand in every other caption.
    public static let rankedCaptionCount = 250_000

    /// The usable samples whose captions hold all words of a text, ranked by BM25.
    ///
    /// Letter case, accents and the width of characters do not matter; text of scripts without spaces is found wherever
    /// it occurs. Words in double quotes must follow each other; a word with a `*` behind it stands for all that begin
    /// so. `prepareDerivedIndexes` puts new captions into the index.
    ///
    /// Throws `filterInvalid` if the text has no letter or digit, `unknownName` for an unknown data set.
    public func samples(
        withCaption query: String, ofDataset dataset: String? = nil, limit: Int = 20
    ) throws(CatalogError) -> CaptionMatches {
        guard let condition = CaptionWords.condition(for: query) else {
            throw CatalogError(.filterInvalid, "A caption search needs a word of letters or digits.", place: query)
        }
        return try read { db in
            try SampleCatalog.check(dataset, db)
            var result = CaptionMatches()
            result.unindexedShards = try SampleCatalog.derivedIndexState(db).shardsWithoutCaptions
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT x.id, x.score, x.total, d.name, h.name FROM (
                        SELECT id, score, count(*) OVER () AS total FROM (
                            SELECT f.rowid AS id, bm25(caption_index) AS score FROM caption_index f
                            WHERE caption_index MATCH :condition
                                AND (:dataset IS NULL OR f.rowid >> 32 IN (
                                    SELECT y.id FROM shards y JOIN datasets z ON z.id = y.dataset_id
                                    WHERE z.name = :dataset))
                                AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.id = f.rowid)
                            LIMIT :ranked)
                        ORDER BY score, id LIMIT :limit) x
                    JOIN shards h ON h.id = x.id >> 32 JOIN datasets d ON d.id = h.dataset_id
                    ORDER BY x.score, d.name, h.name, x.id
                    """,
                arguments: [
                    "condition": condition, "dataset": dataset, "ranked": SampleCatalog.rankedCaptionCount,
                    "limit": limit,
                ])
            result.isExhaustive = rows.first.map { ($0[2] as Int) < SampleCatalog.rankedCaptionCount } ?? true
            result.matches = rows.map { row in
                CaptionMatches.Match(
                    identity: SampleIdentity(
                        dataset: row[3], shard: row[4], ordinal: SampleKey(rawValue: row[0]).ordinal),
                    score: -(row[1] as Double))
            }
            return result
        }
    }
}
