import ByteFormats
import Encoders
import Imaging
import Kernels
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
    /// How much of the pictures' data is decoded. Anything but `exact` is measured first, likewise.
    ///
    /// `nil` for that of the vectors there are; without any, exact.
    public var decode: DecodeMode?
    /// Whether a precision is used that misses the bounds of `PrecisionFidelity`.
    public var acceptsLoss: Bool
    /// Whether the report says where the time went.
    public var showsProfile: Bool

    /// A request.
    public init(
        model: String?, datasets: [String], embedsCaptions: Bool, mayTrain: Bool, precision: Precision? = nil,
        decode: DecodeMode? = nil, acceptsLoss: Bool = false, showsProfile: Bool = false
    ) {
        self.precision = precision
        self.decode = decode
        self.acceptsLoss = acceptsLoss
        self.showsProfile = showsProfile
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
    /// Operations from which on a run measures the machine's peak, to say what share of it is reached: the measurement
    /// takes a fifth of a second.
    private static let operationsWorthMeasuring = 2_000_000_000_000

    /// Embeds, or goes on, or finds that everything is done.
    ///
    /// - Throws: `WorkflowError`: `usage` without a model, `interrupted` after a requested stop, `noInput` when shards could
    ///   not be read (the others are done first).
    public static func run(_ request: EmbedRequest, in session: Session) async throws -> EmbedReport {
        let catalog = try session.writeCatalog(cacheSize: .small)
        if try ModelStore(workspace: session.workspace).names().isEmpty {
            try await DefaultModel.train(mayTakeLong: request.mayTrain, catalog: catalog, in: session)
        }
        let model = try ModelStore(workspace: session.workspace).model(named: request.model)
        let space = SpaceFolder(workspace: session.workspace, space: model.space)
        try Folder.create(space.embeddingsPath)

        let names = try request.datasets.isEmpty ? catalog.datasetNames() : request.datasets
        let (recipe, shards, supersededCount) = try plan(request, model, space, datasets: names, catalog: catalog)
        let stale = shards.filter { !$0.isCurrent }
        let goesOn = !stale.isEmpty && stale.count < shards.count
        if goesOn, recipe != EmbedRecipe(), request.precision == nil || request.decode == nil {
            session.note(
                "going on in \(recipe.precision.rawValue) with \(recipe.decode.rawValue) decoding, as before; "
                    + "--precision fp32 --decode exact embeds all anew")
        }
        if supersededCount > 0 {
            session.note(
                "\(supersededCount) \(supersededCount == 1 ? "shard has" : "shards have") \(recipe.precision.rawValue) "
                    + "vectors of an earlier version, which rounded otherwise: embedding them anew")
        }
        let embedder = try SampleEmbedder(model: model, recipe: recipe)
        let folder = try RunFolder.create(inRunsDirectory: session.workspace.runsDirectory, command: "embed")
        var recorder = RunRecorder(
            folder: folder, command: "embed",
            settings: [
                "model": model.name, "space": model.space.description, "datasets": names.joined(separator: ","),
                "captions": "\(request.embedsCaptions)", "precision": recipe.precision.rawValue,
                "decode": recipe.decode.rawValue,
            ], threads: session.pool.threadCount)
        for fidelity in try await fidelities(of: recipe, embedder, stale, catalog: catalog, request, in: session) {
            session.note("\(fidelity.name): \(fidelity.figures.text)")
            recorder.record.settings["fidelity.\(fidelity.name)"] = fidelity.figures.text
        }

        var peak = await peak(for: stale, embedder, isAskedFor: request.showsProfile, in: session)
        let sink = try EmbedSink(
            shards: shards, embedder: embedder, space: space, catalog: catalog, peak: peak, session: session)
        try await sink.run(embedsCaptions: request.embedsCaptions)
        let rowCount = try sink.finish()
        if let first = peak, sink.profile.shareOfTowerPeak(first, threads: session.pool.threadCount) > 1 {
            // Something else was running when it was measured.
            peak = await first.larger(measuredPeak(in: session))
        }

        let counts = sink.counts
        recorder.record.counts = [
            "images": counts.images, "imagesCopied": counts.copiedImages, "captions": counts.captions,
            "failed": counts.failed,
            "truncatedCaptions": counts.truncated, "shardsEmbedded": counts.embeddedShards,
            "shardsUpToDate": shards.count - stale.count, "indexRows": rowCount,
        ]
        recorder.record.stages = [
            .init(name: "embed", seconds: sink.seconds, items: counts.images + counts.captions)
        ]
        sink.profile.record(into: &recorder.record, peak: peak, wall: sink.seconds)
        let isStopped = session.stop.isStopRequested
        try recorder.finish(outcome: isStopped ? "interrupted" : sink.problems.isEmpty ? "finished" : "failed")
        if isStopped {
            throw WorkflowError(.interrupted, "stopped; the same command goes on where it was")
        }
        guard sink.problems.isEmpty else {
            throw WorkflowError(
                .noInput,
                "\(sink.problems.count) of \(shards.count) shards could not be embedded: "
                    + sink.problems.prefix(3).joined(separator: "; ")
                    + "; run 'vlmpipe ingest' on them again, then 'vlmpipe embed'")
        }
        var text = summary(counts, seconds: sink.seconds, rowCount: rowCount, model: model)
        if request.showsProfile, counts.embeddedShards > 0 {
            text += "\n" + sink.profile.table(wall: sink.seconds, threads: session.pool.threadCount, peak: peak)
        }
        return EmbedReport(summary: text, vectorCount: counts.images + counts.captions)
    }

    /// The recipe of the run, and all shards with what their segments will say they are of; and how many shards have vectors
    /// of an earlier version of it.
    private static func plan(
        _ request: EmbedRequest, _ model: InstalledModel, _ space: SpaceFolder, datasets: [String],
        catalog: SampleCatalog
    ) throws -> (recipe: EmbedRecipe, shards: [ShardToEmbed], supersededCount: Int) {
        var digests: [EmbedRecipe: [Digest]] = [:]
        for recipe in EmbedRecipe.all {
            digests[recipe] = try recipe.digests(embedsCaptions: request.embedsCaptions)
        }
        func headers(of shard: CatalogShard, by recipe: EmbedRecipe) -> [EmbeddingHeader] {
            (digests[recipe] ?? []).map { digest in
                EmbeddingHeader(
                    space: model.space, recipe: digest, shardDigest: shard.contentDigest ?? Digest(hashing: ""),
                    dimension: model.configuration.embeddingDimension, dataset: shard.dataset, shard: shard.name)
            }
        }
        var shards: [CatalogShard] = []
        for name in datasets { shards += try catalog.shards(ofDataset: name, states: [.complete]) }
        var current: [ShardID: EmbedRecipe] = [:]
        var superseded: [ShardID: EmbedRecipe] = [:]
        for shard in shards {
            guard let found = try space.segment(of: shard)?.header else { continue }
            for recipe in EmbedRecipe.all where recipe.satisfies(request) {
                let versions = headers(of: shard, by: recipe)
                guard versions.contains(found) else { continue }
                if found == versions.last { current[shard.id] = recipe } else { superseded[shard.id] = recipe }
            }
        }
        let recipe = EmbedRecipe.chosen(request, current: Array(current.values) + superseded.values)
        let works = shards.map { shard in
            guard let header = headers(of: shard, by: recipe).last else {
                preconditionFailure("every recipe has a version")
            }
            return ShardToEmbed(shard: shard, header: header, isCurrent: current[shard.id] != nil)
        }
        return (recipe, works, superseded.count)
    }

    /// What the recipe costs against the default, measured; throws `badData` where a bound is missed and that is not
    /// accepted.
    private static func fidelities(
        of recipe: EmbedRecipe, _ embedder: SampleEmbedder, _ stale: [ShardToEmbed], catalog: SampleCatalog,
        _ request: EmbedRequest, in session: Session
    ) async throws -> [(name: String, figures: PrecisionFidelity)] {
        var result: [(name: String, figures: PrecisionFidelity)] = []
        func check(_ reference: EmbedRecipe, embedsCaptions: Bool) async throws -> PrecisionCheck {
            try await PrecisionCheck.run(
                embedder, against: embedder.following(reference), stale.map(\.shard), catalog: catalog,
                embedsCaptions: embedsCaptions, in: session)
        }
        if recipe.precision != .fp32 {
            let reference = EmbedRecipe(precision: .fp32, decode: recipe.decode)
            let found = try await check(reference, embedsCaptions: request.embedsCaptions)
            for (what, figures) in [("images", found.images), ("captions", found.captions)] where figures.count > 0 {
                result.append(("\(recipe.precision.rawValue) against fp32, \(what)", figures))
            }
            if !request.acceptsLoss { try found.require(recipe.precision) }
        }
        if recipe.decode != .exact {
            let reference = EmbedRecipe(precision: recipe.precision, decode: .exact)
            let found = try await check(reference, embedsCaptions: false)
            if found.images.count > 0 {
                result.append(("\(recipe.decode.rawValue) against exact decoding, images", found.images))
            }
        }
        return result
    }

    /// The machine's peak, where it is asked for or the run is long enough to show its share of it.
    private static func peak(
        for stale: [ShardToEmbed], _ embedder: SampleEmbedder, isAskedFor: Bool, in session: Session
    ) async -> MatrixProductPeak? {
        let count = stale.reduce(0) { $0 + Int($1.shard.cursor.ordinal) }
        let operations = Double(embedder.encoder.imageOperations(count: 1).total) * Double(count)
        guard isAskedFor || operations > Double(operationsWorthMeasuring) else { return nil }
        return await measuredPeak(in: session)
    }

    private static func measuredPeak(in session: Session) async -> MatrixProductPeak {
        await withTaskExecutorPreference(session.pool) {
            await MatrixProductPeak.measure(threads: session.pool.threadCount)
        }
    }

    private static func summary(
        _ counts: EmbedSink.Counts, seconds: Double, rowCount: Int, model: InstalledModel
    ) -> String {
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
