import ByteFormats
import Foundation
import Imaging
import PipelineEngine
import Reports
import SampleCatalog
import Samples
import Shards
import VectorIndex

/// Which vectors a search ranks.
public enum SearchTarget: String, Sendable, CaseIterable {
    /// Vectors of images and tiles.
    case images
    /// Vectors of captions.
    case captions
    /// Vectors of images together with the text of captions.
    case both

    /// The vectors that are ranked.
    var rankedKinds: VectorKinds { self == .captions ? .captions : .images }
}

/// What `vlmpipe search` is asked for.
public struct SearchRequest: Sendable {
    /// The query; see `QueryExpression`.
    public var query: String
    /// How many hits.
    public var count: Int
    /// Which vectors are ranked.
    public var target: SearchTarget
    /// The model; the one in use if nil.
    public var model: String?
    /// Only these data sets; all if empty.
    public var datasets: [String]
    /// Only this split.
    public var split: String?
    /// Only samples for which this SQL condition holds.
    public var condition: String?
    /// Hits below this cosine are left out.
    public var minimumScore: Float?
    /// Whether every vector is scored whatever the size of the index.
    public var isExact: Bool
    /// The share of the neighbours that an approximate search should find; the usual one if nil.
    public var recall: Double?
    /// Hits whose vectors have at least this cosine with that of a better hit are left out.
    public var duplicateSimilarity: Float?
    /// Where a page goes.
    public var htmlPath: String?
    /// Where the hits' images go.
    public var extractDirectory: String?

    /// A request.
    public init(
        query: String, count: Int, target: SearchTarget, model: String?, datasets: [String], split: String?,
        condition: String?, minimumScore: Float?, isExact: Bool = false, recall: Double? = nil,
        duplicateSimilarity: Float? = nil,
        htmlPath: String?, extractDirectory: String?
    ) {
        self.query = query
        self.count = count
        self.target = target
        self.model = model
        self.datasets = datasets
        self.split = split
        self.condition = condition
        self.minimumScore = minimumScore
        self.isExact = isExact
        self.recall = recall
        self.duplicateSimilarity = duplicateSimilarity
        self.htmlPath = htmlPath
        self.extractDirectory = extractDirectory
    }
}

/// Answers one query: encode, search the index, look the hits up in the catalog, fetch pictures where they are wanted.
public enum SearchWorkflow {
    /// Runs a search.
    ///
    /// - Throws: `WorkflowError` with the next step when nothing is embedded, the model is unknown, the query or the
    ///   condition is wrong.
    public static func run(_ request: SearchRequest, in session: Session) async throws -> SearchReport {
        let expression = try QueryExpression(parsing: request.query)
        let model = try ModelStore(workspace: session.workspace).model(named: request.model)
        let catalog = try session.readCatalog()
        let space = SpaceFolder(workspace: session.workspace, space: model.space)
        let reader = try space.openIndex(model: model)
        if let reason = reader.fallbackReason { session.note(reason) }

        let encoded = try QueryEncoder(model: model, towers: expression.towers).encode(expression)
        for warning in encoded.warnings { session.note(warning) }
        let filter = try filter(request, catalog)

        let started = ProgressReporter.monotonicSeconds()
        let outcome = try await ranked(request, expression, encoded.vector, reader, filter, catalog, session)
        let milliseconds = (ProgressReporter.monotonicSeconds() - started) * 1000

        let matches = outcome.matches.filter { match in request.minimumScore.map { match.score >= $0 } ?? true }
        let hits = matches.enumerated().map { SearchReport.Hit(match: $1, rank: $0 + 1) }
        let result = SearchResult(
            query: request.query, space: model.space.description, mode: outcome.mode, recall: outcome.recall,
            milliseconds: (milliseconds * 1000).rounded() / 1000, hits: hits.map(\.reported))
        session.note(modeText(result, outcome.recallTruth, rowCount: reader.rowCount(of: request.target.rankedKinds)))
        let share = try EmbeddedShare(catalog: catalog, space: space)
        let report = SearchReport(
            result: result, hits: hits, indexedCount: reader.rowCount(of: request.target.rankedKinds),
            note: share.isComplete ? nil : share.text)
        if let note = report.note { session.note(note) }
        if let path = request.htmlPath {
            try writePage(report, to: path, session)
        }
        if let directory = request.extractDirectory {
            try extract(hits, to: directory, session)
        }
        return report
    }

    private static func ranked(
        _ request: SearchRequest, _ expression: QueryExpression, _ vector: [Float], _ reader: IndexReader,
        _ filter: SampleSet?, _ catalog: SampleCatalog, _ session: Session
    ) async throws -> ImageRanking.Outcome {
        let ranking = ImageRanking(
            reader: reader, catalog: catalog, session: session, filter: filter,
            mode: request.isExact ? .exact : request.recall.map { .recall($0) } ?? .automatic,
            duplicateSimilarity: request.duplicateSimilarity)
        guard request.target == .both else {
            return try await ranking.samples(near: vector, count: request.count, kinds: request.target.rankedKinds)
        }
        guard request.minimumScore == nil else {
            throw WorkflowError(.usage, "--min-score is a cosine, and --in both ranks by more than that; leave one out")
        }
        guard let text = expression.captionText else {
            session.note("the query has no text to look for in captions; images alone are ranked")
            return try await ranking.samples(near: vector, count: request.count, kinds: .images)
        }
        return try await ranking.samples(near: vector, withCaption: text, count: request.count)
    }

    /// Such as `exact search of 12,000 vectors, 3.2 ms`.
    private static func modeText(
        _ result: SearchResult, _ recallTruth: IndexCalibration.Truth?, rowCount: Int
    ) -> String {
        let truth = recallTruth == .codes ? " against exact search over its codes" : ""
        let recall = result.recall.map {
            ", recall \(($0 * 1000).rounded() / 1000) measured on this index's own queries\(truth)"
        }
        let unmeasured = result.mode.hasPrefix("approx") ? ", recall not measured ('vlmpipe index tune' does)" : ""
        return "\(result.mode) search of \(ProgressReporter.grouped(rowCount)) vectors, "
            + "\((result.milliseconds * 10).rounded() / 10) ms\(recall ?? unmeasured)"
    }

    /// The samples a search is restricted to; nil for all.
    private static func filter(_ request: SearchRequest, _ catalog: SampleCatalog) throws -> SampleSet? {
        let known = try catalog.datasetNames()
        for name in request.datasets where !known.contains(name) {
            throw WorkflowError(.usage, "there is no data set '\(name)'; there are \(known.joined(separator: ", "))")
        }
        var parts: [String] = []
        if let split = request.split { parts.append("split = \(quoted(split))") }
        if let condition = request.condition { parts.append("(\n\(condition)\n)") }
        guard !parts.isEmpty || !request.datasets.isEmpty else { return nil }
        do {
            return try catalog.samples(
                matching: parts.isEmpty ? "TRUE" : parts.joined(separator: " AND "), ofDatasets: request.datasets)
        } catch {
            guard error.code == .filterInvalid else { throw error }
            let cause = error.cause.map { " (\($0))" } ?? ""
            throw WorkflowError(.usage, error.message + cause, place: "--where \(request.condition ?? "")")
        }
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.replacingOccurrences(of: "'", with: "''") + "'"
    }

    private static func writePage(_ report: SearchReport, to path: String, _ session: Session) throws {
        let images = SampleImages()
        var thumbnails: [Thumbnail?] = []
        for hit in report.hits {
            do {
                let image = try images.image(of: hit.sample)
                thumbnails.append(try thumbnail(image))
            } catch {
                session.note("no picture for \(TerminalText.sanitized(hit.sample.key)): \(error)")
                thumbnails.append(nil)
            }
        }
        let page = SearchPage(
            result: report.result, thumbnails: thumbnails, indexedCount: report.indexedCount, note: report.note)
        try AtomicFile.write(path: path, bytes: Array(page.html().utf8))
        session.note("wrote \(path)")
    }

    /// Longest side of a page's pictures, in pixels.
    static let thumbnailSize = 384

    private static func thumbnail(_ image: PixelImage) throws -> Thumbnail {
        let longest = max(image.width, image.height)
        let scaled =
            longest <= thumbnailSize
            ? image
            : image.resized(
                width: max(1, image.width * thumbnailSize / longest),
                height: max(1, image.height * thumbnailSize / longest), filter: .bicubic)
        return Thumbnail(
            bytes: try ImageEncoder.jpeg(scaled, quality: 85), pixelWidth: image.width, pixelHeight: image.height)
    }

    private static func extract(_ hits: [SearchReport.Hit], to directory: String, _ session: Session) throws {
        let images = SampleImages()
        let extractor = try HitExtractor(directory: directory)
        var written = 0
        // In the order of the shards' bytes, so that a compressed one is read once for all its hits.
        let inPlace = hits.sorted {
            ($0.sample.imagePath, $0.sample.image.offset) < ($1.sample.imagePath, $1.sample.image.offset)
        }
        for hit in inPlace {
            do {
                let bytes = try images.bytes(of: hit.sample)
                _ = try extractor.extract(bytes, key: hit.sample.key, fileExtension: hit.sample.format.fileExtension)
                written += 1
            } catch {
                session.note("not extracted: \(TerminalText.sanitized(hit.sample.key)): \(error)")
            }
        }
        session.note("extracted \(written) of \(hits.count) images to \(directory)")
    }
}

extension ImageFormat {
    /// The usual extension of files of this format.
    var fileExtension: String {
        switch self {
        case .jpeg: "jpg"
        case .png: "png"
        case .webp: "webp"
        case .heic: "heic"
        case .avif: "avif"
        }
    }
}

/// A search's answer with everything that the ways of showing it need.
public struct SearchReport: Sendable {
    struct Hit: Sendable {
        let match: ImageRanking.Match
        let rank: Int

        var sample: CatalogSample { match.sample }

        var reported: Reports.SearchHit {
            let level: Int =
                if case .tile(let level, _) = match.identity.view { Int(level) } else { 0 }
            return Reports.SearchHit(
                rank: rank, score: match.score, key: sample.key, dataset: sample.identity.dataset,
                shard: sample.imagePath, offset: Int(sample.image.offset), length: Int(sample.image.byteCount),
                captions: captions,
                box: match.box.map {
                    Reports.SearchHit.Box(x: Int($0.x), y: Int($0.y), width: Int($0.width), height: Int($0.height))
                }, level: level)
        }

        /// The sample's captions; for a hit on a caption that one first.
        private var captions: [String] {
            guard case .caption(let number) = match.identity.view, Int(number) < sample.captions.count else {
                return sample.captions
            }
            var list = sample.captions
            list.insert(list.remove(at: Int(number)), at: 0)
            return list
        }
    }

    /// The answer as programs get it.
    public let result: SearchResult
    let hits: [Hit]
    /// Rows of the kind searched that the index holds.
    public let indexedCount: Int
    /// A remark such as how much is embedded yet.
    public let note: String?

    /// The JSON text with a final newline.
    public func json() throws -> String { try result.jsonText(isIndented: true) + "\n" }

    /// Where each hit's image is: a path, or `tar:offset+length`; control characters removed.
    public var paths: [String] {
        hits.map { hit in
            let path = TerminalText.sanitized(hit.sample.imagePath)
            let isMember = hit.sample.image.offset > 0
            return isMember ? "\(path):\(hit.sample.image.offset)+\(hit.sample.image.byteCount)" : path
        }
    }

    /// The table for people.
    public func table(style: TableStyle) -> String {
        guard !result.hits.isEmpty else { return "no hits\n" }
        var table = TerminalTable(columns: [
            .init("#", alignsRight: true), .init("score", alignsRight: true), .init("key", isFlexible: true),
            .init("data set"), .init("caption", isFlexible: true),
        ])
        for hit in result.hits {
            table.rows.append([
                "\(hit.rank)", String(format: "%.3f", hit.score), hit.key, hit.dataset, hit.captions.first ?? "",
            ])
        }
        return table.text(width: style.width, usesColor: style.usesColor)
    }
}
