import PipelineEngine
import SampleCatalog
import Samples
import Shards

/// What becomes of the files of a folder shard, by ascending ordinal.
struct ShardRows {
    /// Rows that stay as they are.
    var kept: [FileRecord] = []
    /// Files that are somewhere else.
    var renamed: [(file: FileRecord, move: IngestWorkflow.FolderWalk.Move)] = []
    /// Files that are no longer there.
    var gone: [FileRecord] = []
    /// Files to read again.
    var read: [(ordinal: UInt32, item: FolderItem)] = []
    /// Of those the ones that changed themselves.
    var changedCount = 0
}

/// The row of one file.
struct FileRow: Sendable {
    var outcome: SampleExamination.Outcome
    var file: FileRecord
}

extension SampleChunk {
    mutating func append(_ row: FileRow) {
        append(row.outcome)
        files.append(row.file)
    }
}

extension IngestWorkflow {
    /// All rows of a folder shard: those that stay are taken from the catalog, the others made anew.
    func chunk(of rows: ShardRows, shard: CatalogShard) async throws -> SampleChunk {
        var stored: [UInt32: SampleRecord] = [:]
        try catalog.forEachChunk(ofShard: shard.id) { samples in
            for sample in samples {
                let attributes = try catalog.attributes(ofOrdinal: sample.ordinal, inShard: shard.id)
                stored[sample.ordinal] = SampleRecord(sample, attributes: attributes)
            }
        }
        var made: [FileRow] = []
        var lookup = FolderLookup(rootPath: shard.rootPath)
        var read = rows.read
        for file in rows.kept {
            if let sample = stored[file.ordinal] {
                made.append(FileRow(outcome: .sample(sample), file: file))
            } else if !file.isGone, let item = lookup.item(forFileAt: file.path, key: file.key) {
                read.append((file.ordinal, item))
            } else {
                made.append(goneRow(file))
            }
        }
        made += rows.gone.map(goneRow)
        for (file, move) in rows.renamed {
            guard let sample = stored[file.ordinal] else {
                read.append((file.ordinal, move.item))
                continue
            }
            made.append(renamedRow(file, move, sample, root: shard.rootPath))
        }
        made += try await readItems(read.sorted { $0.ordinal < $1.ordinal }, root: shard.rootPath)
        made.sort { $0.file.ordinal < $1.file.ordinal }
        var chunk = SampleChunk(cursor: shard.cursor)
        for row in made { chunk.append(row) }
        try keepLaterQuarantine(&chunk, shard, Set(rows.kept.map(\.ordinal) + rows.renamed.map(\.file.ordinal)))
        return chunk
    }

    /// What later stages set aside stays so for samples whose bytes are the same.
    private func keepLaterQuarantine(
        _ chunk: inout SampleChunk, _ shard: CatalogShard, _ ordinals: Set<UInt32>
    ) throws {
        let keys = Dictionary(chunk.samples.map { ($0.ordinal, $0.key) }) { first, _ in first }
        for (owner, record) in try catalog.quarantine(ofDataset: shard.dataset)
        where owner.id == shard.id && record.stage != SampleExamination.stage && ordinals.contains(record.ordinal) {
            var record = record
            record.key = keys[record.ordinal] ?? record.key
            chunk.quarantine.append(record)
        }
        chunk.quarantine.sort { ($0.ordinal, $0.stage) < ($1.ordinal, $1.stage) }
    }

    private func goneRow(_ file: FileRecord) -> FileRow {
        let isExcluded = options.excludes.contains { $0.matches(TextFromBytes.bytes(ofText: file.path)) }
        let code = isExcluded ? ShardError.Code.sourceExcluded : .fileMissing
        return FileRow(
            outcome: .quarantine(
                SampleExamination.record(
                    file.ordinal, file.key, 0, code.rawValue,
                    isExcluded
                        ? "the file was ingested before and is excluded now"
                        : "the file was ingested before and is gone")),
            file: FileRecord(ordinal: file.ordinal, path: file.path, key: file.key, signature: .goneFile))
    }

    /// The same sample under its new name. Its split stays: what was trained on must not become held out by a rename.
    private func renamedRow(
        _ file: FileRecord, _ move: FolderWalk.Move, _ sample: SampleRecord, root: String
    ) -> FileRow {
        var sample = sample
        sample.key = move.item.key
        let moved = FileRecord(
            ordinal: file.ordinal, path: move.item.path, key: move.item.key, signature: move.item.signature)
        guard !move.isUntouched else { return FileRow(outcome: .sample(sample), file: moved) }
        let found = FolderSamples.read(
            move.item, ordinal: file.ordinal, rootPath: root, readsImages: false, limits: options.shardLimits)
        switch found {
        case .rejected: return FileRow(outcome: examination.examine(found), file: moved)
        case .sample(let found):
            do throws(ShardError) {
                let texts = try SampleTexts(found.texts, readsCaptions: options.readsCaptions)
                sample.captions = texts.captions
                sample.attributes = texts.attributes.map {
                    SampleAttribute(name: $0.name, value: AttributeValue($0.value))
                }
                return FileRow(outcome: .sample(sample), file: moved)
            } catch {
                return FileRow(
                    outcome: .quarantine(
                        SampleExamination.record(file.ordinal, sample.key, 0, error.code.rawValue, error.message)),
                    file: moved)
            }
        }
    }

    /// Reads and examines items in batches of bounded bytes.
    func readItems(_ items: [(ordinal: UInt32, item: FolderItem)], root: String) async throws -> [FileRow] {
        let limits = options.shardLimits
        let examination = examination
        let readsImages = options.check != .none
        // Each thread holds one image at a time, so the number of items in a call does not matter for memory.
        let results = try await pool.map(items) { ordinal, item in
            let found = FolderSamples.read(
                item, ordinal: ordinal, rootPath: root, readsImages: readsImages, limits: limits)
            return (examination.examine(found), found.byteCount)
        }
        examined(count: items.count, byteCount: results.reduce(0) { $0 + Int64($1.1) })
        return zip(items, results).map { item, result in
            FileRow(
                outcome: result.0,
                file: FileRecord(
                    ordinal: item.ordinal, path: item.item.path, key: item.item.key,
                    signature: result.0.mayBeBetterNextTime ? .goneFile : item.item.signature))
        }
    }
}

extension SampleExamination.Outcome {
    /// Whether reading failed for a reason that leaves no trace in a file's size and time.
    var mayBeBetterNextTime: Bool {
        guard case .quarantine(let record) = self else { return false }
        return [ShardError.Code.inputOutput, .fileMissing, .fileChanged].contains { $0.rawValue == record.code }
    }
}

extension SampleRecord {
    /// A sample as it was stored.
    init(_ sample: CatalogSample, attributes: [SampleAttribute]) {
        self.init(
            ordinal: sample.ordinal, key: sample.key, split: sample.split, image: sample.image, format: sample.format,
            pixelWidth: sample.pixelWidth, pixelHeight: sample.pixelHeight, orientation: sample.orientation,
            digest: sample.digest, captions: sample.captions, attributes: attributes)
    }
}
