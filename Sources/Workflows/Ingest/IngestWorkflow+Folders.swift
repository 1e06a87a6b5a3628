import PipelineEngine
import SampleCatalog
import Samples
import Shards

extension IngestWorkflow {
    /// Walks a folder: files not known yet become new folder shards of 1,024 in sorted order, tars are added to the
    /// plan, and shards with changed or vanished files are read again under their frozen ordinals.
    func ingestFolder(_ path: String, plan: inout IngestPlan) async throws {
        let root = plan.root(forFolder: path)
        let folder = SourcePath.relative(path, to: root) ?? ""
        let knownShards = try catalog.shards(inFolder: path, ofDataset: options.dataset, kind: .folder)
        var walk = FolderWalk(
            root: root, folder: folder, nextNumber: try nextNumber(root: root, folder: folder),
            hasKnownFiles: try catalog.hasFiles(belowRoot: root, ofDataset: options.dataset))
        var walker = try FolderWalker(rootPath: root, folder: folder, limits: options.shardLimits)
        while let step = walker.next() {
            switch step {
            case .failure(let error):
                walk.isComplete = false
                state.update { $0.add(error) }
            case .group(let group):
                try take(group, &walk, &plan)
            }
            if walk.items.count >= IngestWorkflow.folderShardCount {
                guard try await addShard(&walk, &plan) else { return }
            }
        }
        let skippedCount = walker.skippedCount
        state.update { $0.ignoredCount += skippedCount }
        while !walk.items.isEmpty {
            guard try await addShard(&walk, &plan) else { return }
        }
        plan.involved.formUnion(knownShards.map(\.id))
        for shard in knownShards {
            guard try await refresh(shard, walk) else { return }
        }
        // What lies in a subfolder that could not be listed is not gone.
        guard walk.isComplete else { return }
        for shard in try catalog.shards(inFolder: path, ofDataset: options.dataset, kind: .tar)
        where !plan.includesTar(shard.absolutePath) {
            plan.involved.insert(shard.id)
            try markMissing(shard)
        }
    }

    /// What a walk has found so far.
    private struct FolderWalk {
        let root: String
        let folder: String
        var nextNumber: Int
        let hasKnownFiles: Bool
        var items: [FolderItem] = []
        /// Ordinals of known files that are there and unchanged, by shard.
        var unchanged: [ShardID: Set<UInt32>] = [:]
        var isComplete = true
    }

    private func take(_ group: FolderGroup, _ walk: inout FolderWalk, _ plan: inout IngestPlan) throws {
        var unknown: [FolderFile] = []
        for file in group.candidates {
            let known =
                walk.hasKnownFiles
                ? try catalog.knownFile(atPath: file.path, root: walk.root, ofDataset: options.dataset) : nil
            if let known {
                if group.signature(of: file) == known.record.signature {
                    walk.unchanged[known.shardID, default: []].insert(known.record.ordinal)
                }
            } else {
                unknown.append(file)
            }
        }
        var ignoredCount = group.candidates.isEmpty ? group.texts.count : 0
        for candidate in group.classify(unknown: unknown, rootPath: walk.root) {
            switch candidate {
            case .item(let item):
                walk.items.append(item)
                if item.isCollision { state.update { $0.collisionCount += 1 } }
            case .tar(let path):
                plan.addTar(SourcePath.join(walk.root, path), root: walk.root)
            case .ignored:
                ignoredCount += 1
            }
        }
        if ignoredCount > 0 { state.update { $0.ignoredCount += ignoredCount } }
    }

    /// Makes a folder shard of the first items; `false` if a stop is requested.
    private func addShard(_ walk: inout FolderWalk, _ plan: inout IngestPlan) async throws -> Bool {
        if stop.isStopRequested {
            state.update { $0.add(.interrupted) }
            return false
        }
        let items = Array(walk.items.prefix(IngestWorkflow.folderShardCount))
        walk.items.removeFirst(items.count)
        let chunk = try await readItems(
            items.enumerated().map { (UInt32($0.offset), $0.element) }, root: walk.root)
        let shard = try catalog.registerComplete(
            ShardRegistration(
                dataset: options.dataset, rootPath: walk.root, path: walk.folder, kind: .folder,
                name: IngestWorkflow.shardName(root: walk.root, folder: walk.folder, number: walk.nextNumber),
                settings: options.settings.text), chunk: chunk)
        state.committed()
        walk.nextNumber += 1
        plan.involved.insert(shard.id)
        state.update { $0.add(.added) }
        return true
    }

    /// Reads a known folder shard again if any of its files changed or vanished, or the settings did; `false` if a stop
    /// is requested.
    private func refresh(_ shard: CatalogShard, _ walk: FolderWalk) async throws -> Bool {
        if stop.isStopRequested {
            state.update { $0.add(.interrupted) }
            return false
        }
        let files = try catalog.files(ofShard: shard.id)
        let unchanged = walk.unchanged[shard.id] ?? []
        if options.settings.areMet(by: shard.settings), files.allSatisfy({ unchanged.contains($0.ordinal) }) {
            state.update { $0.add(.unchanged) }
            return true
        }
        var lookup = FolderLookup(rootPath: shard.rootPath)
        var present: [(UInt32, FolderItem)] = []
        var gone: [FileRecord] = []
        for file in files {
            if let item = lookup.item(forFileAt: file.path, key: file.key) {
                present.append((file.ordinal, item))
            } else {
                gone.append(file)
            }
        }
        let isAsRecorded =
            present.allSatisfy { unchanged.contains($0.0) } && gone.allSatisfy { $0.signature == .goneFile }
        if isAsRecorded, options.settings.areMet(by: shard.settings) {
            state.update { $0.add(.unchanged) }
            return true
        }
        var chunk = try await readItems(present, root: shard.rootPath)
        chunk.cursor = shard.cursor
        for file in gone {
            chunk.quarantine.append(
                SampleExamination.record(
                    file.ordinal, file.key, 0, ShardError.Code.fileMissing.rawValue,
                    "the file was ingested before and is gone, or its folder cannot be listed"))
            chunk.files.append(
                FileRecord(ordinal: file.ordinal, path: file.path, key: file.key, signature: .goneFile))
        }
        try catalog.replaceRows(of: shard.id, settings: options.settings.text, chunk: chunk)
        state.committed()
        state.update { $0.add(.replaced) }
        return true
    }

    /// Reads and examines items in batches of bounded bytes.
    private func readItems(_ items: [(UInt32, FolderItem)], root: String) async throws -> SampleChunk {
        let limits = options.shardLimits
        let examination = examination
        let count = items.last.map { $0.0 + 1 } ?? 0
        var chunk = SampleChunk(cursor: CatalogShard.Cursor(byteOffset: 0, ordinal: count, digest: nil))
        // Each thread holds one image at a time, so the number of items in a call does not matter for memory.
        let results = try await pool.map(items) { ordinal, item in
            let found = FolderSamples.read(item, ordinal: ordinal, rootPath: root, limits: limits)
            return (examination.examine(found), found.byteCount)
        }
        for (outcome, _) in results { chunk.append(outcome) }
        for (ordinal, item) in items {
            chunk.files.append(
                FileRecord(ordinal: ordinal, path: item.path, key: item.key, signature: item.signature))
        }
        examined(count: items.count, byteCount: results.reduce(0) { $0 + Int64($1.1) })
        return chunk
    }

    private static func shardName(root: String, folder: String, number: Int) -> String {
        let digits = String(number)
        let name = folder.isEmpty ? SourcePath.lastComponents(root, count: 1) : folder
        return name + "#" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }

    /// The number of the next shard of exactly this folder.
    private func nextNumber(root: String, folder: String) throws -> Int {
        try catalog.shards(
            inFolder: SourcePath.join(root, folder), ofDataset: options.dataset, kind: .folder
        ).count { $0.rootPath == root && $0.path == folder }
    }
}

extension Digest {
    /// Stands for a file that is gone. No file has it, so one that comes back counts as changed.
    fileprivate static let goneFile = Digest(hashing: "vlmpipe: this file is gone")
}
