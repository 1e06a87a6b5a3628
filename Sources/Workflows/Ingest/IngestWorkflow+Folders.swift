import PipelineEngine
import SampleCatalog
import Samples
import Shards

extension IngestWorkflow {
    /// Walks a folder: files not known yet become new folder shards of 1,024 in sorted order, tars are added to the
    /// plan, and of shards with changed, renamed or vanished files those rows are made anew under their frozen ordinals.
    func ingestFolder(_ path: String, plan: inout IngestPlan) async throws {
        let root = plan.root(forFolder: path)
        let folder = SourcePath.relative(path, to: root) ?? ""
        let belowRoot = try catalog.shards(inFolder: root, ofDataset: options.dataset, kind: .folder)
            .filter { $0.rootPath == root }
        let shards = belowRoot.filter { SourcePath.relative($0.absolutePath, to: path) != nil }
        var walk = FolderWalk(
            root: root, folder: folder, nextNumber: belowRoot.count { $0.path == folder },
            known: try KnownFiles(catalog: catalog, shards: belowRoot, folder: folder))
        if !walk.known.isEmpty {
            guard try lookForKnown(&walk, shards, path) else { return }
        }
        guard try await takeNew(&walk, &plan) else { return }
        plan.involved.formUnion(shards.map(\.id))
        for shard in shards {
            guard try await refresh(shard, walk) else { return }
        }
        // What lies in a subfolder that could not be listed is not gone.
        guard walk.failedFolders.isEmpty else { return }
        for shard in try catalog.shards(inFolder: path, ofDataset: options.dataset, kind: .tar)
        where !plan.includesTar(shard.absolutePath) && !isExcluded(shard.absolutePath, source: path) {
            plan.involved.insert(shard.id)
            try markMissing(shard)
        }
    }

    /// What a walk has found so far.
    struct FolderWalk {
        let root: String
        let folder: String
        var nextNumber: Int
        var known: KnownFiles
        var vanished = VanishedFiles()
        var items: [FolderItem] = []
        /// The first of `items` that were looked for among the vanished.
        var checkedItemCount = 0
        /// Where vanished files are now.
        var moves: [VanishedFiles.Place: Move] = [:]
        /// Folders that could not be listed, relative to the root.
        var failedFolders: [String] = []

        struct Move {
            let item: FolderItem
            /// Whether the texts beside it are unchanged too.
            let isUntouched: Bool

            func record(_ ordinal: UInt32) -> FileRecord {
                FileRecord(ordinal: ordinal, path: item.path, key: item.key, signature: item.signature)
            }
        }

        /// Whether it is not known if the file is there.
        func isUncertain(_ path: String) -> Bool {
            failedFolders.contains { SourcePath.relative(path, to: $0) != nil }
        }
    }

    private func isExcluded(_ path: String, source: String) -> Bool {
        guard let relative = SourcePath.relative(path, to: source) else { return false }
        var part = relative
        while !part.isEmpty {
            if options.excludes.contains(where: { $0.matches(TextFromBytes.bytes(ofText: part)) }) { return true }
            part = SourcePath.parent(part)
        }
        return false
    }

    /// Sees which known files are there; `false` if none is, which is rather a drive that is not mounted.
    private func lookForKnown(_ walk: inout FolderWalk, _ shards: [CatalogShard], _ path: String) throws -> Bool {
        var walker = try FolderWalker(
            rootPath: walk.root, folder: walk.folder, excludes: options.excludes, limits: options.shardLimits)
        var isEmpty = true
        while let step = walker.next() {
            switch step {
            case .failure(let folder, _): walk.failedFolders.append(folder)
            case .group(let group):
                isEmpty = false
                for file in group.candidates {
                    _ = walk.known.see(file.path) { group.signature(of: file).prefix64 }
                }
            }
        }
        if isEmpty, walk.known.liveCount > 0, walk.failedFolders.isEmpty {
            let error = ShardError(
                .sourceMissing,
                "The folder is empty, but \(walk.known.liveCount) of its files are known: is the drive mounted? Nothing was "
                    + "changed; 'vlmpipe dataset remove' forgets them.", path: path)
            state.update { $0.add(error) }
            return false
        }
        for shard in shards {
            let gone = try catalog.files(ofShard: shard.id).filter {
                !$0.isGone && walk.known.sight(of: $0.path) == .unseen && !walk.isUncertain($0.path)
            }
            try walk.vanished.add(gone, of: shard, catalog: catalog)
        }
        walk.failedFolders = []
        return true
    }

    /// Walks the folder for what is not known; `false` if a stop is requested.
    private func takeNew(_ walk: inout FolderWalk, _ plan: inout IngestPlan) async throws -> Bool {
        var walker = try FolderWalker(
            rootPath: walk.root, folder: walk.folder, excludes: options.excludes, limits: options.shardLimits)
        while let step = walker.next() {
            switch step {
            case .failure(let folder, let error):
                walk.failedFolders.append(folder)
                state.update { $0.add(error) }
            case .group(let group):
                take(group, &walk, &plan)
            }
            guard try await addShards(&walk, &plan, isEnd: false) else { return false }
        }
        let tally = walker.tally
        state.update { $0.tally += tally }
        return try await addShards(&walk, &plan, isEnd: true)
    }

    private func take(_ group: FolderGroup, _ walk: inout FolderWalk, _ plan: inout IngestPlan) {
        let unknown = group.candidates.filter { !walk.known.contains($0.path) }
        var ignored: [IgnoredFile] = []
        if group.candidates.isEmpty { ignored += group.texts.map { IgnoredFile(path: $0.path) } }
        let candidates = group.classify(
            unknown: unknown, knownImageCount: group.candidates.count - unknown.count, rootPath: walk.root)
        for (file, candidate) in zip(unknown, candidates) {
            switch candidate {
            case .item(let item):
                if item.isCollision { state.update { $0.collisionCount += 1 } }
                if !walk.vanished.isEmpty, let place = walk.vanished.takeByName(file, in: group) {
                    walk.moves[place] = FolderWalk.Move(item: item, isUntouched: true)
                } else {
                    walk.items.append(item)
                }
            case .tar(let path):
                plan.addTar(SourcePath.join(walk.root, path), root: walk.root)
            case .ignored(let file):
                ignored.append(file)
            }
        }
        if !ignored.isEmpty { state.update { report in ignored.forEach { report.add($0) } } }
    }

    /// Makes folder shards of full thousands of items, and at the end of what is left.
    private func addShards(_ walk: inout FolderWalk, _ plan: inout IngestPlan, isEnd: Bool) async throws -> Bool {
        while walk.items.count >= (isEnd ? 1 : IngestWorkflow.folderShardCount) {
            try await findRenamed(&walk)
            guard walk.items.count >= (isEnd ? 1 : IngestWorkflow.folderShardCount) else { break }
            guard try await addShard(&walk, &plan) else { return false }
        }
        return true
    }

    /// Takes out of the new items those whose bytes are those of a vanished file.
    private func findRenamed(_ walk: inout FolderWalk) async throws {
        guard !walk.vanished.isEmpty else { return }
        let (root, limits, vanished) = (walk.root, options.shardLimits, walk.vanished)
        let digests = try await pool.map(Array(walk.items[walk.checkedItemCount...])) { item -> Digest? in
            guard vanished.mayHold(byteCount: item.byteCount),
                case .sample(let found) = FolderSamples.read(item, ordinal: 0, rootPath: root, limits: limits)
            else { return nil }
            return Digest(hashing: found.image.bytes)
        }
        var kept = Array(walk.items[..<walk.checkedItemCount])
        for (item, digest) in zip(walk.items[walk.checkedItemCount...], digests) {
            if let digest, let place = walk.vanished.takeByDigest(digest, path: item.path) {
                walk.moves[place] = FolderWalk.Move(item: item, isUntouched: false)
            } else {
                kept.append(item)
            }
        }
        walk.items = kept
        walk.checkedItemCount = kept.count
    }

    /// Makes a folder shard of the first items; `false` if a stop is requested.
    private func addShard(_ walk: inout FolderWalk, _ plan: inout IngestPlan) async throws -> Bool {
        if stop.isStopRequested {
            state.update { $0.add(.interrupted) }
            return false
        }
        let items = Array(walk.items.prefix(IngestWorkflow.folderShardCount))
        walk.items.removeFirst(items.count)
        walk.checkedItemCount = max(0, walk.checkedItemCount - items.count)
        let rows = try await readItems(
            items.enumerated().map { (UInt32($0.offset), $0.element) }, root: walk.root)
        var chunk = SampleChunk(
            cursor: CatalogShard.Cursor(byteOffset: 0, ordinal: UInt32(items.count), digest: nil))
        for row in rows { chunk.append(row) }
        let shard = try catalog.registerComplete(
            ShardRegistration(
                dataset: options.dataset, rootPath: walk.root, path: walk.folder, kind: .folder,
                name: IngestWorkflow.shardName(root: walk.root, path: walk.folder, number: walk.nextNumber),
                settings: options.settings.text), chunk: chunk)
        state.committed()
        walk.nextNumber += 1
        plan.involved.insert(shard.id)
        state.update { report in
            report.add(.added)
            report.files[.added, default: 0] += items.count
        }
        return true
    }

    /// Makes the rows of a known folder shard anew whose files changed, moved or vanished, or all if the settings did;
    /// `false` if a stop is requested.
    private func refresh(_ shard: CatalogShard, _ walk: FolderWalk) async throws -> Bool {
        if stop.isStopRequested {
            state.update { $0.add(.interrupted) }
            return false
        }
        var lookup = FolderLookup(rootPath: shard.rootPath)
        let stored = LazyRows(catalog: catalog, shard: shard)
        var rows = ShardRows()
        var items: [(ordinal: UInt32, item: FolderItem)] = []
        let areSettingsMet = options.settings.areMet(by: shard.settings)
        for file in try catalog.files(ofShard: shard.id) {
            let place = VanishedFiles.Place(shard: shard.id, ordinal: file.ordinal)
            let sight = walk.known.sight(of: file.path)
            if let move = walk.moves[place] {
                rows.renamed.append(move.record(file.ordinal))
                guard !move.isUntouched, let sample = try stored.sample(file.ordinal) else { continue }
                if let changed = renamedRow(file, move, sample, root: shard.rootPath) { rows.made.append(changed) }
            } else if sight == .unseen {
                if walk.isUncertain(file.path) { rows.kept.append(file) } else { rows.gone.append(file.ordinal) }
            } else if sight == .unchanged, areSettingsMet {
                rows.kept.append(file)
            } else if let item = lookup.item(forFileAt: file.path, key: file.key) {
                items.append((file.ordinal, item))
                if sight == .changed { rows.changedCount += 1 }
            } else {
                // It vanished since the walk; the next ingest sees whether it stays so.
                rows.kept.append(file)
            }
        }
        if !items.isEmpty || !rows.made.isEmpty {
            // Rows that were set aside are read again, because the catalog keeps no row of theirs to copy.
            for file in rows.kept where try stored.sample(file.ordinal) == nil {
                if let item = lookup.item(forFileAt: file.path, key: file.key) { items.append((file.ordinal, item)) }
            }
            rows.made += try await readItems(items.sorted { $0.ordinal < $1.ordinal }, root: shard.rootPath)
        }
        try apply(rows, to: shard, stored: stored, settings: areSettingsMet ? shard.settings : options.settings.text)
        return true
    }

    static func shardName(root: String, path: String, number: Int) -> String {
        let digits = String(number)
        let name = path.isEmpty ? SourcePath.lastComponents(root, count: 1) : path
        return name + "#" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}
