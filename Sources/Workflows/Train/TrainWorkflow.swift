import ByteFormats
import Encoders
import Foundation
import Kernels
import PipelineEngine
import SampleCatalog
import Samples
import Shards
import Tokenization
import Training

/// What `vlmpipe train` is asked for.
public struct TrainRequest: Sendable {
    /// The recipe file; the default recipe if nil.
    public var recipePath: String?
    /// Name of the model that is made.
    public var model: String
    /// Only these data sets; all if empty.
    public var datasets: [String]
    /// Replaces the recipe's seed.
    public var seed: UInt64?

    /// A request.
    public init(recipePath: String?, model: String, datasets: [String], seed: UInt64?) {
        self.recipePath = recipePath
        self.model = model
        self.datasets = datasets
        self.seed = seed
    }
}

/// What training did.
public struct TrainReport: Sendable {
    /// One line for people.
    public let summary: String
    /// Samples per second of this call; nil when nothing was left to do.
    public let samplesPerSecond: Double?
}

/// Trains a dual encoder on the captioned samples of the split `train` and installs it as a model.
///
/// The run's folder is named after recipe, data and model, so that the same call finds its checkpoint again.
public enum TrainWorkflow {
    /// What a finished run leaves in the model's folder, to know that there is nothing to do.
    struct Origin: Codable, Equatable {
        var run: String
        var recipe: EncoderRecipe
    }

    static let originFileName = "origin.json"

    /// Trains, or goes on, or finds that everything is done.
    ///
    /// - Throws: `WorkflowError`: `usage` when there is nothing to train on, `interrupted` after a requested stop.
    public static func run(_ request: TrainRequest, in session: Session) async throws -> TrainReport {
        let recipe = try EncoderRecipe(path: request.recipePath, seed: request.seed)
        let store = ModelStore(workspace: session.workspace)
        let modelPath = try store.path(for: request.model)
        let catalog = try session.writeCatalog(cacheSize: .small)
        let data = try TrainingData(catalog: catalog, datasets: request.datasets)
        try data.checkFiles()
        let fingerprint = try data.fingerprint(recipe: recipe)
        let runID = "train-\(request.model)-\(Digest(hashing: fingerprint).shortName)"

        let origin = Origin(run: runID, recipe: recipe)
        let originPath = "\(modelPath)/\(originFileName)"
        if try store.names().contains(request.model), Folder.exists(originPath),
            try JSONFile.read(Origin.self, from: originPath) == origin
        {
            return TrainReport(
                summary: "model \(request.model) is already trained by this recipe on these data; nothing to do",
                samplesPerSecond: nil)
        }

        let folder = try RunFolder.open(id: runID, inRunsDirectory: session.workspace.runsDirectory)
        try JSONFile.write(recipe, to: folder.path + "/recipe.json")
        let tokenizer = try await session.pool.run { try data.trainTokenizer(recipe: recipe) }
        let source = try CatalogTrainingSource(
            catalog: catalog, shards: data.shards, tokenizer: tokenizer, recipe: recipe, fingerprint: fingerprint)
        guard source.sampleCount >= 2 else {
            throw WorkflowError(
                .usage,
                "there are \(source.sampleCount) captioned samples in the split 'train'; ingest pairs first, "
                    + "for example shards of key.jpg and key.txt")
        }
        let architecture = try DualEncoderArchitecture(recipe.configuration(tokenizer: tokenizer))
        let holdOut = try HoldOut(
            catalog: catalog, datasets: request.datasets, tokenizer: tokenizer,
            configuration: architecture.configuration)

        var recorder = RunRecorder(
            folder: folder, command: "train", settings: ["model": request.model, "recipe": try JSONFile.line(recipe)],
            threads: session.pool.threadCount)
        do {
            let trainer = try Trainer(
                architecture: architecture, recipe: recipe.training, source: source, runDirectory: folder.path,
                pool: session.pool)
            note(session, request, recipe, architecture, trainer, source, holdOut, folder)
            let outcome = try await run(trainer, holdOut, architecture.configuration, session)
            try record(try source.takeFailures(), in: catalog)
            try TrainingPlot.write(runDirectory: folder.path, title: request.model)
            recorder.record.counts["steps"] = outcome.step
            recorder.record.counts["samples"] = source.sampleCount
            recorder.record.counts["failedSamples"] = outcome.failedSampleCount
            recorder.record.values["loss"] = outcome.lastLoss
            recorder.record.values["samplesPerSecond"] = outcome.samplesPerSecond
            guard outcome.isComplete else {
                try recorder.finish(outcome: "interrupted")
                throw WorkflowError(
                    .interrupted,
                    "stopped after step \(outcome.step) of \(outcome.stepCount); the same command goes on from there")
            }
            let encoder = try DualEncoder(configuration: architecture.configuration, parameters: outcome.parameters)
            _ = try InstalledModel.install(
                encoder: encoder, tokenizerFiles: tokenizer.files(), name: request.model, in: store,
                extraFiles: [originFileName: JSONFile.text(origin)])
            try recorder.finish(outcome: "finished")
            let rate = outcome.samplesPerSecond.map { ", \(ProgressReporter.rate($0)) samples/s" } ?? ""
            return TrainReport(
                summary: "trained model \(request.model): \(outcome.stepCount) steps\(rate), "
                    + "loss \(outcome.lastLoss.map { String(format: "%.3f", $0) } ?? "?"); "
                    + "metrics and plot in \(folder.path)",
                samplesPerSecond: outcome.samplesPerSecond)
        } catch let error as WorkflowError where error.code == .interrupted {
            throw error
        } catch {
            try recorder.finish(outcome: "failed")
            throw error
        }
    }

    private static func note(
        _ session: Session, _ request: TrainRequest, _ recipe: EncoderRecipe, _ architecture: DualEncoderArchitecture,
        _ trainer: Trainer, _ source: CatalogTrainingSource, _ holdOut: HoldOut?, _ folder: RunFolder
    ) {
        let count = ProgressReporter.grouped(architecture.layout.totalCount)
        session.note(
            "training \(request.model) on \(ProgressReporter.grouped(source.sampleCount)) samples: \(count) parameters, "
                + "\(trainer.plan.stepCount) steps of \(trainer.plan.batchSize)")
        if let holdOut {
            session.note("recall is measured on \(holdOut.imageCount) held-out images of the split '\(holdOut.split)'")
        } else {
            session.note("no captioned samples are held out, so recall is not measured during training")
        }
        if trainer.resumedStep > 0 { session.note("going on after step \(trainer.resumedStep)") }
    }

    private static func run(
        _ trainer: Trainer, _ holdOut: HoldOut?, _ configuration: DualEncoderConfiguration, _ session: Session
    ) async throws -> TrainingOutcome {
        let batchSize = trainer.plan.batchSize
        let progress = session.progress(
            title: "train", unit: "samples", totalCount: trainer.plan.stepCount * batchSize)
        defer { progress.finish() }
        var recall = ""
        let evaluate: (TrainingSnapshot) async throws -> TrainingEvaluation = { snapshot in
            guard let holdOut else { return TrainingEvaluation(metrics: [:], score: 0) }
            let encoder = try DualEncoder(configuration: configuration, parameters: snapshot.parameters)
            let evaluation = try await holdOut.evaluate(encoder, pool: session.pool)
            recall =
                evaluation.metrics["textToImage.recall@10"].map { String(format: ", R@10 %.1f %%", $0 * 100) } ?? ""
            return evaluation
        }
        return try await trainer.run(
            progress: { value in
                progress.update(
                    completedCount: value.step * batchSize,
                    detail: String(format: "loss %.3f", value.loss) + recall)
            }, stop: session.stop, evaluate: holdOut == nil ? nil : evaluate)
    }

    private static func record(
        _ failures: [(shard: CatalogShard, record: QuarantineRecord)], in catalog: SampleCatalog
    ) throws {
        for (shard, records) in Dictionary(grouping: failures, by: \.shard) {
            try catalog.quarantine(records.map(\.record), inShard: shard.id)
        }
    }
}

/// The shards that training reads, and what identifies them.
struct TrainingData: Sendable {
    let catalog: SampleCatalog
    let datasets: [String]
    let shards: [CatalogShard]

    init(catalog: SampleCatalog, datasets: [String]) throws {
        self.catalog = catalog
        self.datasets = try datasets.isEmpty ? catalog.datasetNames() : datasets.sorted()
        var shards: [CatalogShard] = []
        for dataset in self.datasets {
            shards += try catalog.shards(ofDataset: dataset, split: .train, states: [.complete])
        }
        self.shards = shards
    }

    /// Throws before anything is trained if a shard is not where it was, so that no sample is blamed for that.
    func checkFiles() throws(WorkflowError) {
        for shard in shards where FileKind.ofItem(atPath: shard.absolutePath) == nil {
            throw WorkflowError(
                .noInput,
                "the shard is not there; if its folder moved, run 'vlmpipe dataset relocate OLD NEW', else ingest again",
                place: shard.absolutePath)
        }
    }

    /// Names recipe and data: the content of every shard that is read.
    func fingerprint(recipe: EncoderRecipe) throws -> String {
        var hasher = DigestHasher()
        hasher.update(field: try JSONFile.text(recipe))
        for shard in shards {
            hasher.update(field: shard.dataset)
            hasher.update(field: shard.name)
            hasher.update(field: shard.contentDigest?.hexadecimal ?? "")
            hasher.update(field: shard.settings)
        }
        return hasher.finalize().hexadecimal
    }

    /// Learns the byte-pair vocabulary from all captions of the split `train`.
    func trainTokenizer(recipe: EncoderRecipe) throws -> BytePairTokenizer {
        var trainer = BytePairTrainer(settings: .init(vocabularySize: recipe.text.vocabulary))
        for dataset in datasets {
            try catalog.forEachCaption(ofDataset: dataset, split: .train) { trainer.add($0) }
        }
        return try trainer.train()
    }
}
