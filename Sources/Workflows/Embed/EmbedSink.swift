import Kernels
import PipelineEngine
import SampleCatalog
import VectorIndex

/// A shard of a run.
struct ShardToEmbed: Sendable {
    let shard: CatalogShard
    /// What its segment says it is of.
    let header: EmbeddingHeader
    /// Whether there is such a segment.
    let isCurrent: Bool
}

/// Runs all shards of a run through the threads, takes the results in order, writes each shard's embeddings, and seals them
/// into the index.
final class EmbedSink {
    struct Counts {
        var images = 0
        var copiedImages = 0
        var captions = 0
        var failed = 0
        var truncated = 0
        var embeddedShards = 0
    }

    /// What was done so far.
    private(set) var counts = Counts()
    /// Where the time went.
    private(set) var profile = EmbedProfile()
    /// Shards that could not be embedded, and why.
    private(set) var problems: [String] = []
    /// Seconds since the start; until `finish`.
    private(set) var seconds = 0.0

    private let shards: [ShardToEmbed]
    private let embedder: SampleEmbedder
    private let space: SpaceFolder
    private let catalog: SampleCatalog
    private let repeatedImages: RepeatedImages
    private let peak: MatrixProductPeak?
    private let session: Session
    private let progress: ProgressReporter
    private let started = ProgressReporter.monotonicSeconds()
    /// Samples of the shards before each.
    private let samplesBefore: [Int]

    private var index: IndexWriter
    /// Shards that are in the index, or given up.
    private var settledCount = 0
    /// The shard whose pieces come in.
    private var openShard: Int?
    private var writer: EmbeddingPartWriter?
    private var assembly: ChunkAssembly

    init(
        shards: [ShardToEmbed], embedder: SampleEmbedder, space: SpaceFolder, catalog: SampleCatalog,
        peak: MatrixProductPeak?, session: Session
    ) throws {
        self.shards = shards
        self.embedder = embedder
        self.space = space
        self.catalog = catalog
        self.peak = peak
        self.session = session
        var samplesBefore = [0]
        for shard in shards { samplesBefore.append(samplesBefore[samplesBefore.count - 1] + shard.foundCount) }
        self.samplesBefore = samplesBefore
        repeatedImages = try RepeatedImages(catalog: catalog)
        assembly = ChunkAssembly(embedder: embedder, repeatedImages: repeatedImages)
        progress = session.progress(
            title: "embed", unit: "samples", totalCount: samplesBefore[samplesBefore.count - 1])
        index = try IndexWriter.open(
            folder: space.indexPath, space: space.space, dimension: embedder.encoder.embeddingDimension)
    }

    /// Embeds what is stale, until all is done or a stop is requested.
    ///
    /// - Throws: what concerns more than one shard; `problems` holds the rest.
    func run(embedsCaptions: Bool) async throws {
        let plan = EmbedRunPlan(
            shards: shards, images: embedder.images, catalog: catalog, repeatedImages: repeatedImages,
            embeddingsPath: space.embeddingsPath, imagesPerItem: embedder.encoder.imageSliceRowCount,
            embedsCaptions: embedsCaptions, stop: session.stop)
        defer { plan.close() }
        try await session.pool.orderedMap(plan, window: 2 * session.pool.threadCount + 1) {
            [embedder] piece -> EmbedRunPlan.Done in
            do {
                return .init(shard: piece.shard, result: .success(try embedder(piece.item.get())))
            } catch  where Quarantine.concernsOneShard(error) {
                plan.giveUp(piece.shard)
                return .init(shard: piece.shard, result: .failure(error))
            }
        } consume: { done in
            try self.take(done, plan)
        }
        if !session.stop.isStopRequested { try settle(before: shards.count) }
    }

    /// Brings the index in line with the catalog; returns its rows.
    func finish() throws -> Int {
        progress.finish()
        embedder.encoder.releaseBuffers()
        FreedMemory.release()
        try IndexUpkeep.run(on: &index, catalog: catalog)
        seconds = ProgressReporter.monotonicSeconds() - started
        return index.manifest.rowCount
    }

    private func take(_ done: EmbedRunPlan.Done, _ plan: EmbedRunPlan) throws {
        guard done.shard >= settledCount else { return }  // It was given up.
        do {
            try take(done.result.get(), ofShard: done.shard)
        } catch  where Quarantine.concernsOneShard(error) {
            plan.giveUp(done.shard)
            try giveUp(done.shard, error)
        }
    }

    private func take(_ result: EmbedResult, ofShard number: Int) throws {
        try open(number)
        profile += result.profile
        counts.truncated += result.truncatedCaptionCount
        if let (chunk, failures) = try assembly.add(result) {
            // The reason is recorded before the chunk counts as done: a kill between the two repeats the chunk.
            if !failures.isEmpty { try catalog.quarantine(failures, inShard: shards[number].shard.id) }
            try profile.measure(.write) { try writer?.append(chunk) }
            counts.failed += chunk.failedOrdinals.count
            for row in chunk.rows {
                if row.view.isVisual { counts.images += 1 } else { counts.captions += 1 }
            }
            show(samplesBefore[number] + Int(writer?.nextOrdinal ?? 0))
        }
        if result.item.isLastOfShard { try close(number) }
    }

    /// Makes ready for the pieces of a shard.
    private func open(_ number: Int) throws {
        guard openShard != number else { return }
        try settle(before: number)
        let writer = try EmbeddingPartWriter.open(folder: space.embeddingsPath, header: shards[number].header)
        if writer.nextOrdinal == 0 { try catalog.clearQuarantine(ofStage: "embed", inShard: shards[number].shard.id) }
        self.writer = consume writer
        assembly = ChunkAssembly(embedder: embedder, repeatedImages: repeatedImages)
        openShard = number
    }

    private func close(_ number: Int) throws {
        counts.copiedImages += assembly.copiedImageCount
        try profile.measure(.write) { _ = try writer.take()?.finish() }
        openShard = nil
        counts.embeddedShards += 1
        try seal(number)
        settledCount = number + 1
        show(samplesBefore[settledCount])
    }

    private func giveUp(_ number: Int, _ error: any Error) throws {
        try settle(before: number)
        problems.append("\(shards[number].shard.name): \(error)")
        progress.message("not embedded: \(shards[number].shard.name): \(error)", isError: true)
        counts.copiedImages += openShard == number ? assembly.copiedImageCount : 0
        writer = nil
        openShard = nil
        repeatedImages.forgetUnfinished()
        settledCount = number + 1
    }

    /// Seals the shards up to `end` that were up to date from the start.
    private func settle(before end: Int) throws {
        while settledCount < end {
            if shards[settledCount].isCurrent { try seal(settledCount) }
            settledCount += 1
        }
    }

    private func seal(_ number: Int) throws {
        guard let segment = try space.segment(of: shards[number].shard) else { return }
        try profile.measure(.write) { try IndexUpkeep.seal(segment, into: &index) }
    }

    private func show(_ completedCount: Int) {
        let detail = peak.map { peak in
            let wall = ProgressReporter.monotonicSeconds() - started
            return "\(Int((100 * profile.shareOfPeak(peak, wall: wall)).rounded())) % of peak"
        }
        progress.update(completedCount: completedCount, detail: detail)
    }
}
