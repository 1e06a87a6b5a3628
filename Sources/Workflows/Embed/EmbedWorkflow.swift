import ByteFormats
import Encoders
import Foundation
import PipelineEngine
import SampleCatalog
import Samples
import VectorIndex

/// What `vlmpipe embed` is asked for.
public struct EmbedRequest: Sendable {
    /// The model; the one in use if nil.
    public var model: String?
    /// Only these data sets; all if empty.
    public var datasets: [String]
    /// Whether captions are embedded too.
    public var embedsCaptions: Bool
    /// Whether a model may be trained first if there is none, however long that takes.
    public var mayTrain: Bool
    /// What the towers compute in. Anything but `fp32` is measured first, on the first 256 samples that are to be embedded.
    ///
    /// `nil` for that of the vectors there are, which are then up to date in any precision; without any, fp32.
    public var precision: Precision?
    /// Whether a precision is used that misses the bounds of `PrecisionFidelity`.
    public var acceptsLoss: Bool

    /// A request.
    public init(
        model: String?, datasets: [String], embedsCaptions: Bool, mayTrain: Bool, precision: Precision? = nil,
        acceptsLoss: Bool = false
    ) {
        self.precision = precision
        self.acceptsLoss = acceptsLoss
        self.model = model
        self.datasets = datasets
        self.embedsCaptions = embedsCaptions
        self.mayTrain = mayTrain
    }
}

/// What embedding did.
public struct EmbedReport: Sendable {
    /// Lines for people.
    public let summary: String
    /// Vectors computed in this call.
    public let vectorCount: Int
}

/// Embeds every complete shard that has no up-to-date segment, and seals each into the index when it is done.
public enum EmbedWorkflow {
    /// What besides the model decides whether vectors are stale.
    private struct Recipe: Codable {
        var version = "0.1"
        var views: [String]
        var precision: Precision
        var decode = "exact"
    }

    private struct Counts {
        var images = 0
        var copiedImages = 0
        var captions = 0
        var failed = 0
        var truncated = 0
        var embeddedShards = 0
        var currentShards = 0
        var problems: [String] = []
    }

    /// Embeds, or goes on, or finds that everything is done.
    ///
    /// - Throws: `WorkflowError`: `usage` without a model, `interrupted` after a requested stop, `noInput` when shards could
    ///   not be read (the others are done first).
    public static func run(_ request: EmbedRequest, in session: Session) async throws -> EmbedReport {
        let catalog = try session.writeCatalog()
        if try ModelStore(workspace: session.workspace).names().isEmpty {
            try await DefaultModel.train(mayTakeLong: request.mayTrain, catalog: catalog, in: session)
        }
        let model = try ModelStore(workspace: session.workspace).model(named: request.model)
        var recipes: [Precision: Digest] = [:]
        for precision in Precision.allCases {
            let views = request.embedsCaptions ? ["image", "captions"] : ["image"]
            recipes[precision] = Digest(hashing: try JSONFile.text(Recipe(views: views, precision: precision)))
        }
        let space = SpaceFolder(workspace: session.workspace, space: model.space)
        try Folder.create(space.embeddingsPath)

        let names = try request.datasets.isEmpty ? catalog.datasetNames() : request.datasets
        var shards: [CatalogShard] = []
        for name in names { shards += try catalog.shards(ofDataset: name, states: [.complete]) }
        func header(of shard: CatalogShard, in precision: Precision) -> EmbeddingHeader {
            EmbeddingHeader(
                space: model.space, recipe: recipes[precision] ?? Digest(hashing: ""),
                shardDigest: shard.contentDigest ?? Digest(hashing: ""),
                dimension: model.configuration.embeddingDimension, dataset: shard.dataset, shard: shard.name)
        }
        var current: [ShardID: Precision] = [:]
        for shard in shards {
            guard let found = try space.segment(of: shard)?.header else { continue }
            current[shard.id] = Precision.allCases.first {
                found == header(of: shard, in: $0) && ($0 == request.precision || request.precision == nil)
            }
        }
        let precision = request.precision ?? current.values.first { $0 != .fp32 } ?? .fp32
        if request.precision == nil, precision != .fp32, current.count < shards.count {
            session.note("going on in \(precision.rawValue), as before; --precision fp32 embeds all anew")
        }
        let embedder = try SampleEmbedder(model: model, precision: precision)
        let folder = try RunFolder.create(inRunsDirectory: session.workspace.runsDirectory, command: "embed")
        var recorder = RunRecorder(
            folder: folder, command: "embed",
            settings: [
                "model": model.name, "space": model.space.description, "datasets": names.joined(separator: ","),
                "captions": "\(request.embedsCaptions)", "precision": precision.rawValue,
            ], threads: session.pool.threadCount)

        if precision != .fp32 {
            let stale = shards.filter { current[$0.id] == nil }
            let check = try await PrecisionCheck.run(
                embedder, stale, catalog: catalog, embedsCaptions: request.embedsCaptions, in: session)
            for (name, fidelity) in [("images", check.images), ("captions", check.captions)] where fidelity.count > 0 {
                session.note("\(precision.rawValue) against fp32, \(name): \(fidelity.text)")
                recorder.record.settings["fidelity.\(name)"] = fidelity.text
            }
            if !request.acceptsLoss { try check.require(precision) }
        }

        let progress = session.progress(
            title: "embed", unit: "samples", totalCount: shards.reduce(0) { $0 + Int($1.cursor.ordinal) })
        let stage = Stage(
            embedder: embedder, repeatedImages: try RepeatedImages(catalog: catalog), catalog: catalog,
            embeddingsPath: space.embeddingsPath, embedsCaptions: request.embedsCaptions, session: session,
            progress: progress)
        let started = ProgressReporter.monotonicSeconds()
        var counts = Counts()
        var done = 0
        var index = try IndexWriter.open(
            folder: space.indexPath, space: model.space, dimension: model.configuration.embeddingDimension)
        for shard in shards where !session.stop.isStopRequested {
            let header = header(of: shard, in: precision)
            do {
                if current[shard.id] != nil, let segment = try space.segment(of: shard) {
                    counts.currentShards += 1
                    try IndexUpkeep.seal(segment, into: &index)
                } else if try await stage.embed(shard, header, &counts, done: done) {
                    if let segment = try space.segment(of: shard) { try IndexUpkeep.seal(segment, into: &index) }
                    counts.embeddedShards += 1
                }
            } catch  where Self.concernsOneShard(error) {
                counts.problems.append("\(shard.name): \(error)")
                progress.message("not embedded: \(shard.name): \(error)", isError: true)
            }
            done += Int(shard.cursor.ordinal)
            progress.update(completedCount: done)
        }
        progress.finish()
        try IndexUpkeep.run(on: &index, catalog: catalog)
        let rowCount = index.manifest.rowCount

        let seconds = ProgressReporter.monotonicSeconds() - started
        recorder.record.counts = [
            "images": counts.images, "imagesCopied": counts.copiedImages, "captions": counts.captions,
            "failed": counts.failed,
            "truncatedCaptions": counts.truncated, "shardsEmbedded": counts.embeddedShards,
            "shardsUpToDate": counts.currentShards, "indexRows": rowCount,
        ]
        recorder.record.stages = [.init(name: "embed", seconds: seconds, items: counts.images + counts.captions)]
        let isStopped = session.stop.isStopRequested
        try recorder.finish(outcome: isStopped ? "interrupted" : counts.problems.isEmpty ? "finished" : "failed")
        if isStopped {
            throw WorkflowError(.interrupted, "stopped; the same command goes on where it was")
        }
        guard counts.problems.isEmpty else {
            throw WorkflowError(
                .noInput,
                "\(counts.problems.count) of \(shards.count) shards could not be embedded: "
                    + counts.problems.prefix(3).joined(separator: "; ")
                    + "; run 'vlmpipe ingest' on them again, then 'vlmpipe embed'")
        }
        return EmbedReport(
            summary: summary(counts, seconds: seconds, rowCount: rowCount, model: model),
            vectorCount: counts.images + counts.captions)
    }

    /// What is the same for all shards of a run.
    private struct Stage {
        let embedder: SampleEmbedder
        let repeatedImages: RepeatedImages
        let catalog: SampleCatalog
        let embeddingsPath: String
        let embedsCaptions: Bool
        let session: Session
        let progress: ProgressReporter

        /// Embeds what is missing of one shard; false if a stop was requested before its end.
        ///
        /// - Parameter done: samples of the shards before it, for the progress.
        func embed(
            _ shard: CatalogShard, _ header: EmbeddingHeader, _ counts: inout Counts, done: Int
        ) async throws -> Bool {
            var writer = try EmbeddingPartWriter.open(folder: embeddingsPath, header: header)
            let foundCount = Int(shard.cursor.ordinal)
            if writer.nextOrdinal == 0 { try catalog.clearQuarantine(ofStage: "embed", inShard: shard.id) }
            if !writer.isComplete {
                let planError = FirstError()
                let plan = EmbedPlan(
                    catalog: catalog, repeatedImages: repeatedImages, shard: shard, foundCount: foundCount,
                    firstOrdinal: writer.nextOrdinal, imagesPerItem: embedder.encoder.imageSliceRowCount,
                    embedsCaptions: embedsCaptions, shouldStop: { session.stop.isStopRequested },
                    reportFailure: { planError.note($0) })
                repeatedImages.forgetUnfinished()
                var assembly = ChunkAssembly(embedder: embedder, repeatedImages: repeatedImages)
                try await session.pool.orderedMap(plan, window: 2 * session.pool.threadCount + 1) { item in
                    try embedder(item)
                } consume: { result in
                    counts.truncated += result.truncatedCaptionCount
                    guard let (chunk, failures) = try assembly.add(result) else { return }
                    // The reason is recorded before the chunk counts as done: a kill between the two repeats the chunk.
                    if !failures.isEmpty { try catalog.quarantine(failures, inShard: shard.id) }
                    try writer.append(chunk)
                    counts.failed += chunk.failedOrdinals.count
                    for row in chunk.rows {
                        if row.view.isVisual { counts.images += 1 } else { counts.captions += 1 }
                    }
                    progress.update(completedCount: done + Int(writer.nextOrdinal))
                }
                counts.copiedImages += assembly.copiedImageCount
                try planError.rethrow()
                guard Int(writer.nextOrdinal) >= foundCount else { return false }
            }
            _ = try writer.finish()
            return true
        }
    }

    /// Errors of one shard's files: the other shards are still embedded.
    private static func concernsOneShard(_ error: any Error) -> Bool {
        Quarantine.concernsOneShard(error)
    }

    private static func summary(_ counts: Counts, seconds: Double, rowCount: Int, model: InstalledModel) -> String {
        let total = ProgressReporter.grouped(rowCount)
        guard counts.embeddedShards > 0 else {
            return "everything is embedded with model \(model.name) already; the index has \(total) vectors"
        }
        let vectors = counts.images + counts.captions
        let rate = seconds > 0 ? ProgressReporter.rate(Double(vectors) / seconds) : "?"
        var text =
            "embedded \(ProgressReporter.grouped(counts.images)) images and "
            + "\(ProgressReporter.grouped(counts.captions)) captions with model \(model.name) in "
            + "\(ProgressReporter.duration(seconds)) (\(rate) vectors/s); the index has \(total) vectors"
        if counts.copiedImages > 0 {
            text +=
                "\n\(ProgressReporter.grouped(counts.copiedImages)) images are the same bytes as others and were "
                + "computed once"
        }
        if counts.failed > 0 {
            text += "\n\(counts.failed) samples could not be embedded: 'vlmpipe dataset quarantine'"
        }
        if counts.truncated > 0 {
            text += "\n\(counts.truncated) captions are longer than the model's context and were cut"
        }
        return text
    }
}
