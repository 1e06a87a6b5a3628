import PipelineEngine
import Reports
import SampleCatalog
import Samples

/// Samples whose captions hold the words of a text: the content of `vlmpipe dataset find --json`.
public struct CaptionReport: Codable, Sendable {
    /// One sample.
    public struct Hit: Codable, Sendable {
        /// 1 for the best.
        public var rank: Int
        /// BM25; greater is better.
        public var score: Double
        /// Its key.
        public var key: String
        /// Its data set.
        public var dataset: String
        /// The file that holds its image.
        public var path: String
        /// Where the image is in that file.
        public var offset: Int64
        /// Bytes of the image.
        public var length: Int64
        /// Its captions.
        public var captions: [String]
    }

    /// What was looked for.
    public var query: String
    /// Whether all samples with the words were ranked, rather than the first 250,000.
    public var exhaustive: Bool
    /// The samples, best first.
    public var hits: [Hit]

    /// The table for people.
    public func table(style: TableStyle) -> String {
        guard !hits.isEmpty else { return "no captions with these words\n" }
        var table = TerminalTable(columns: [
            .init("#", alignsRight: true), .init("score", alignsRight: true), .init("key", isFlexible: true),
            .init("data set"), .init("caption", isFlexible: true),
        ])
        for hit in hits {
            table.rows.append([
                "\(hit.rank)", "\((hit.score * 100).rounded() / 100)", hit.key, hit.dataset,
                hit.captions.joined(separator: " | "),
            ])
        }
        return table.text(width: style.width, usesColor: style.usesColor)
    }
}

extension DatasetWorkflow {
    /// Looks captions up by their words. Captions that are not indexed yet are indexed first, unless another command is
    /// writing to the workspace or nothing can be written; then it is said how many shards were left out.
    ///
    /// - Throws: `CatalogError` for a text without words or an unknown data set.
    public static func find(_ query: String, dataset: String?, count: Int, in session: Session) throws -> CaptionReport
    {
        let catalog = try session.readCatalog()
        if try !catalog.derivedIndexState().isComplete { try indexCaptions(session) }
        let found = try catalog.samples(withCaption: query, ofDataset: dataset, limit: count)
        if found.unindexedShards > 0 {
            session.note("\(found.unindexedShards) shards are not indexed yet and were left out")
        }
        if !found.isExhaustive {
            session.note(
                "more than \(ProgressReporter.grouped(SampleCatalog.rankedCaptionCount)) samples have these words; "
                    + "only the first of them are ranked: add a rarer word")
        }
        let samples = try catalog.samples(found.matches.map(\.identity))
        var report = CaptionReport(query: query, exhaustive: found.isExhaustive, hits: [])
        for (match, sample) in zip(found.matches, samples) {
            guard let sample else { continue }
            report.hits.append(
                CaptionReport.Hit(
                    rank: report.hits.count + 1, score: match.score, key: sample.key, dataset: sample.identity.dataset,
                    path: sample.imagePath, offset: sample.image.offset, length: sample.image.byteCount,
                    captions: sample.captions))
        }
        return report
    }

    /// Indexes the captions that are not yet, unless another command is writing.
    static func indexCaptions(_ session: Session) throws {
        do {
            let lock = try session.workspace.lock()
            try withExtendedLifetime(lock) {
                session.note("indexing new captions")
                let catalog = try session.writeCatalog()
                try catalog.prepareDerivedIndexes(shouldStop: { session.stop.isStopRequested })
                try catalog.close()
            }
        } catch let error as WorkflowError where error.code == .tryAgain || error.code == .inputOutput {
            session.note("\(error)")
        } catch let error as CatalogError where error.code == .readOnly || error.code == .diskFull {
            session.note("\(error)")
        }
    }
}
