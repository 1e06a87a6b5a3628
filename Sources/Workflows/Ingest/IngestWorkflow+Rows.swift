import PipelineEngine
import SampleCatalog
import Samples
import Shards

/// What becomes of the files of a folder or manifest shard.
struct ShardRows {
    /// Rows that stay as they are.
    var kept: [FileRecord] = []
    /// Files that are somewhere else, as they are to be recorded.
    var renamed: [FileRecord] = []
    /// Ordinals of what is no longer there.
    var gone: [UInt32] = []
    /// Rows made anew; those of renamed files under their new names.
    var made: [FileRow] = []
    /// Of those the ones whose files changed.
    var changedCount = 0
}

/// The samples of a shard as they are stored, read when they are first asked for.
final class LazyRows {
    private let catalog: SampleCatalog
    private let shard: CatalogShard
    private var samples: [UInt32: CatalogSample]?

    init(catalog: SampleCatalog, shard: CatalogShard) {
        self.catalog = catalog
        self.shard = shard
    }

    /// The good sample of this ordinal.
    func sample(_ ordinal: UInt32) throws -> SampleRecord? {
        var all = samples ?? [:]
        if samples == nil {
            try catalog.forEachChunk(ofShard: shard.id) { for sample in $0 { all[sample.ordinal] = sample } }
            samples = all
        }
        guard let sample = all[ordinal] else { return nil }
        return SampleRecord(sample, attributes: try catalog.attributes(ofOrdinal: ordinal, inShard: shard.id))
    }
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
    /// Brings the rows of a known shard up to date: renames and removals by themselves, which leave everything embedded
    /// as it is, then all rows if some were made anew. Each is one transaction, and finds nothing to do the next time.
    func apply(_ rows: ShardRows, to shard: CatalogShard, stored: LazyRows, settings: String) throws {
        guard !(rows.renamed.isEmpty && rows.gone.isEmpty && rows.made.isEmpty) else {
            state.update { $0.add(.unchanged) }
            return
        }
        var chunk = SampleChunk(cursor: shard.cursor)
        if !rows.made.isEmpty {
            // Before anything is changed, because a rename changes what is stored.
            var all = rows.made
            let madeOrdinals = Set(rows.made.map(\.file.ordinal))
            for file in rows.kept + rows.renamed where !madeOrdinals.contains(file.ordinal) {
                guard var sample = try stored.sample(file.ordinal) else { continue }
                sample.key = file.key
                all.append(FileRow(outcome: .sample(sample), file: file))
            }
            for row in all.sorted(by: { $0.file.ordinal < $1.file.ordinal }) { chunk.append(row) }
            try keepLaterQuarantine(&chunk, shard, Set(all.map(\.file.ordinal)).subtracting(madeOrdinals))
        }
        if !rows.renamed.isEmpty {
            try catalog.renameFiles(rows.renamed, ofShard: shard.id)
            state.committed()
        }
        if !rows.gone.isEmpty {
            try catalog.removeSamples(rows.gone, ofShard: shard.id)
            state.committed()
        }
        if !rows.made.isEmpty {
            try catalog.replaceRows(of: shard.id, settings: settings, chunk: chunk)
            state.committed()
        }
        let (changedCount, renamedCount, removedCount) = (rows.changedCount, rows.renamed.count, rows.gone.count)
        let isRemade = !rows.made.isEmpty
        state.update { report in
            report.add(isRemade ? .replaced : .updated)
            report.files[.changed, default: 0] += changedCount
            report.files[.renamed, default: 0] += renamedCount
            report.files[.removed, default: 0] += removedCount
        }
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

    /// The row of a renamed file with what stands beside it now; `nil` if that is the same.
    ///
    /// The split stays: what was trained on must not become held out by a rename.
    func renamedRow(
        _ file: FileRecord, _ move: FolderWalk.Move, _ sample: SampleRecord, root: String
    ) -> FileRow? {
        let found = FolderSamples.read(
            move.item, ordinal: file.ordinal, rootPath: root, readsImages: false, limits: options.shardLimits)
        let record = move.record(file.ordinal)
        guard case .sample(let read) = found else {
            return FileRow(outcome: examination.examine(found), file: record)
        }
        do throws(ShardError) {
            let texts = try SampleTexts(read.texts, readsCaptions: options.readsCaptions)
            let attributes = texts.attributes.map {
                SampleAttribute(name: $0.name, value: AttributeValue($0.value))
            }
            if texts.captions == sample.captions, attributes == sample.attributes { return nil }
            var renamed = sample
            renamed.key = move.item.key
            renamed.captions = texts.captions
            renamed.attributes = attributes
            return FileRow(outcome: .sample(renamed), file: record)
        } catch {
            return FileRow(
                outcome: .quarantine(
                    SampleExamination.record(file.ordinal, move.item.key, 0, error.code.rawValue, error.message)),
                file: record)
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
