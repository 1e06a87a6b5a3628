import PipelineEngine
import SampleCatalog
import Samples
import Shards

extension IngestWorkflow {
    /// Reads a manifest: rows not known yet become new manifest shards of 1,024 in the order of the file; of known ones
    /// those that changed, or whose images did, are made anew under their frozen ordinals.
    func ingestManifest(_ manifest: Manifest, path: String, plan: inout IngestPlan) async throws {
        let root = plan.root(forFile: path)
        let relative = SourcePath.relative(path, to: root) ?? path
        let base = options.manifest.base ?? SourcePath.parent(path)
        state.update { $0.notes.append("\(relative): \(manifest.outline)") }
        let shards = try catalog.shards(inFolder: path, ofDataset: options.dataset, kind: .manifest)
            .filter { $0.absolutePath == path }
        var known = try KnownRows(catalog: catalog, shards: shards)
        plan.involved.formUnion(shards.map(\.id))
        var number = shards.count
        var new: [ManifestItem] = []
        var reader = manifest.reader(rootPath: root, base: base)
        while true {
            let item = try next(&reader, path)
            if let item, !known.see(item, signature: IngestWorkflow.signature(item, root: root).prefix64) {
                new.append(item)
            }
            guard new.count == IngestWorkflow.folderShardCount || (item == nil && !new.isEmpty) else {
                if item == nil { break }
                continue
            }
            if stop.isStopRequested {
                state.update { $0.add(.interrupted) }
                return
            }
            let rows = try await readItems(
                new.enumerated().map { (ordinal: UInt32($0.offset), item: $0.element) }, root: root)
            var chunk = SampleChunk(
                cursor: CatalogShard.Cursor(byteOffset: 0, ordinal: UInt32(new.count), digest: nil))
            for row in rows { chunk.append(row) }
            let shard = try catalog.registerComplete(
                ShardRegistration(
                    dataset: options.dataset, rootPath: root, path: relative, kind: .manifest,
                    name: IngestWorkflow.shardName(root: root, path: relative, number: number),
                    settings: options.settings.text), chunk: chunk)
            state.committed()
            number += 1
            plan.involved.insert(shard.id)
            let count = new.count
            state.update { report in
                report.add(.added)
                report.files[.added, default: 0] += count
            }
            new = []
            if item == nil { break }
        }
        for shard in shards {
            if stop.isStopRequested {
                state.update { $0.add(.interrupted) }
                return
            }
            try await refresh(shard, known, manifest, base: base, path: path)
        }
    }

    private func next(_ reader: inout ManifestReader, _ path: String) throws -> ManifestItem? {
        do throws(ShardError) { return try reader.next() } catch {
            throw WorkflowError(
                error.code == .inputOutput ? .inputOutput : .badData,
                error.message
                    + " What comes before is recorded; the same command goes on when the file is whole.", place: path)
        }
    }

    private static func signature(_ item: ManifestItem, root: String) -> Digest {
        let facts: FileFacts? =
            if case .file(let path) = item.image { FileFacts.ofFile(atPath: SourcePath.join(root, path)) } else { nil }
        return item.signature(facts: facts)
    }

    /// Brings the rows of a known manifest shard up to date.
    private func refresh(
        _ shard: CatalogShard, _ known: KnownRows, _ manifest: Manifest, base: String, path: String
    ) async throws {
        let stored = LazyRows(catalog: catalog, shard: shard)
        let areSettingsMet = options.settings.areMet(by: shard.settings)
        var rows = ShardRows()
        var wanted: [(file: FileRecord, sight: KnownRows.Sight)] = []
        var kept: [(file: FileRecord, sight: KnownRows.Sight)] = []
        for (index, file) in try catalog.files(ofShard: shard.id).enumerated() {
            guard let sight = known.sight(ofFile: index, inShard: shard.id) else {
                rows.gone.append(file.ordinal)
                continue
            }
            if sight.isUnchanged, areSettingsMet {
                rows.kept.append(file)
                kept.append((file, sight))
            } else {
                wanted.append((file, sight))
                if !sight.isUnchanged { rows.changedCount += 1 }
            }
        }
        if !wanted.isEmpty {
            for (file, sight) in kept where try stored.sample(file.ordinal) == nil { wanted.append((file, sight)) }
            wanted.sort { $0.sight.offset < $1.sight.offset }
            var items: [(ordinal: UInt32, item: ManifestItem)] = []
            var reader = manifest.reader(rootPath: shard.rootPath, base: base)
            var current: ManifestItem?
            for (file, sight) in wanted {
                if let ahead = current, ahead.offset < sight.offset { current = try next(&reader, path) }
                if current?.offset != sight.offset || (current?.number ?? 0) > sight.number {
                    reader = manifest.reader(rootPath: shard.rootPath, base: base, offset: sight.offset)
                    current = try next(&reader, path)
                }
                while let ahead = current, ahead.offset == sight.offset, ahead.number < sight.number {
                    current = try next(&reader, path)
                }
                if let found = current, found.offset == sight.offset { items.append((file.ordinal, found)) }
            }
            rows.made = try await readItems(items.sorted { $0.ordinal < $1.ordinal }, root: shard.rootPath)
        }
        try apply(rows, to: shard, stored: stored, settings: areSettingsMet ? shard.settings : options.settings.text)
    }

    /// Reads and examines items as many at a time as there are threads.
    private func readItems(_ items: [(ordinal: UInt32, item: ManifestItem)], root: String) async throws -> [FileRow] {
        let (limits, examination) = (options.shardLimits, examination)
        let (readsCaptions, readsImages) = (options.readsCaptions, options.check != .none)
        let results = try await pool.map(items) { ordinal, item in
            let signature = IngestWorkflow.signature(item, root: root)
            let found = ManifestSamples.read(
                item, ordinal: ordinal, rootPath: root, readsCaptions: readsCaptions, readsImages: readsImages,
                limits: limits)
            return (examination.examine(found), found.byteCount, signature)
        }
        examined(count: items.count, byteCount: results.reduce(0) { $0 + Int64($1.1) })
        return zip(items, results).map { item, result in
            var signature = result.2
            if case .quarantine(let record) = result.0, record.code == ShardError.Code.inputOutput.rawValue {
                signature = .goneFile
            }
            return FileRow(
                outcome: result.0,
                file: FileRecord(
                    ordinal: item.ordinal, path: item.item.path, key: item.item.key, signature: signature))
        }
    }
}
