import PipelineEngine
import SampleCatalog
import Samples
import Shards

extension IngestWorkflow {
    /// Registers the tars of the plan that are new, all at once, and reads all of them, as many at a time as the pool
    /// has threads.
    func ingestTars(_ plan: inout IngestPlan) async throws {
        var known: [PathKey: CatalogShard] = [:]
        var new: [ShardRegistration] = []
        for tar in plan.tars {
            if let shard = try catalog.tar(atPath: tar.path, ofDataset: options.dataset) {
                known[PathKey(tar.path)] = shard
            } else {
                let path = SourcePath.relative(tar.path, to: tar.root) ?? tar.path
                new.append(
                    ShardRegistration(
                        dataset: options.dataset, rootPath: tar.root, path: path, kind: .tar, name: path,
                        settings: options.settings.text))
            }
        }
        let added = try catalog.register(new)
        if !added.isEmpty { state.committed() }
        let addedIDs = Set(added.map(\.id))
        for shard in added { known[PathKey(shard.absolutePath)] = shard }
        let shards = plan.tars.compactMap { known[PathKey($0.path)] }
        plan.involved.formUnion(shards.map(\.id))

        try await withThrowingTaskGroup(of: Void.self) { group in
            var waiting = shards[...]
            var runningCount = 0
            while !waiting.isEmpty || runningCount > 0 {
                while runningCount < pool.threadCount, let shard = waiting.popFirst() {
                    group.addTask(executorPreference: pool) {
                        try await ingestTar(shard, isNew: addedIDs.contains(shard.id))
                    }
                    runningCount += 1
                }
                try await group.next()
                runningCount -= 1
            }
        }
    }

    /// Brings the rows of one tar up to date.
    private func ingestTar(_ shard: CatalogShard, isNew: Bool) async throws {
        if stop.isStopRequested {
            // A shard that was whole stays so; whether it changed is found next time.
            state.update { $0.add(.interrupted) }
            return
        }
        do {
            let file = try ReadOnlyFile(path: shard.absolutePath)
            let outcome = try await ingestTar(shard, file: file, isNew: isNew)
            state.update { $0.add(outcome) }
        } catch let error as ShardError where error.code == .fileMissing {
            try markMissing(shard)
        } catch let error as ShardError {
            state.update { report in
                report.add(.failed)
                report.add(error)
            }
        }
    }

    private func ingestTar(
        _ shard: CatalogShard, file: ReadOnlyFile, isNew: Bool
    ) async throws -> IngestReport.ShardOutcome {
        let facts = FileFacts(
            byteCount: shard.byteCount ?? -1, modifiedNanoseconds: shard.modifiedNanoseconds ?? -1)
        let settings = options.settings
        var outcome: IngestReport.ShardOutcome = isNew ? .added : .replaced
        if shard.state == .pending {
            if shard.cursor.ordinal > 0, facts == file.facts, shard.settings == settings.text {
                let isDone = try await readTar(shard, file: file, from: shard.cursor)
                return isDone ? .resumed : .interrupted
            }
            if !isNew, shard.cursor.ordinal == 0 { outcome = .resumed }
        } else if settings.areMet(by: shard.settings), facts.byteCount == file.facts.byteCount,
            try facts == file.facts || shard.headerDigest == TarHeaderDigest.ofFile(file, limits: options.shardLimits)
        {
            if facts != file.facts || shard.state == .missing {
                try catalog.confirm(
                    shard.id, byteCount: file.facts.byteCount, modifiedNanoseconds: file.facts.modifiedNanoseconds)
                state.committed()
            }
            return .unchanged
        }
        try catalog.begin(
            shard.id, byteCount: file.facts.byteCount, modifiedNanoseconds: file.facts.modifiedNanoseconds,
            settings: settings.text)
        state.committed()
        return try await readTar(shard, file: file, from: .start) ? outcome : .interrupted
    }

    /// Reads from the cursor to the end; `false` if a stop was requested before.
    private func readTar(
        _ shard: CatalogShard, file: ReadOnlyFile, from cursor: CatalogShard.Cursor
    ) async throws -> Bool {
        let bytes = try ShardBytes(file: file)
        if cursor.ordinal == 0, let refusal = bytes.kind.refusal { return try refuse(shard, refusal) }
        return try await readTar(shard, bytes: bytes, from: cursor) {
            FileFacts.ofFile(atPath: file.path) == file.facts
        }
    }

    /// Reads an opened tar from the cursor to the end; `false` if a stop was requested before.
    ///
    /// - Parameter isUnchanged: whether what is read is still what was opened.
    func readTar(
        _ shard: CatalogShard, bytes: consuming ShardBytes, from cursor: CatalogShard.Cursor,
        isUnchanged: () -> Bool
    ) async throws -> Bool {
        if !bytes.isSeekable { state.update { $0.sequentialShardCount += 1 } }
        var reader = TarSampleReader(
            bytes, limits: options.shardLimits,
            from: cursor.digest.map { digest in
                TarCursor(byteOffset: cursor.byteOffset, ordinal: cursor.ordinal, headerDigest: digest)
            } ?? .start, readsImages: options.check != .none)
        var chunk = SampleChunk(cursor: cursor)
        var isEnded = false
        while !isEnded {
            var batch: [ShardItem] = []
            var batchByteCount = 0
            var isChunkFull = false
            while !isChunkFull, batchByteCount < IngestWorkflow.batchByteCount {
                guard let item = try reader.next() else {
                    isEnded = true
                    break
                }
                batch.append(item)
                batchByteCount += item.byteCount
                isChunkFull = (item.ordinal &+ 1) % IngestWorkflow.chunkCount == 0
            }
            for outcome in try await pool.map(batch, examination.examine) { chunk.append(outcome) }
            examined(count: batch.count, byteCount: Int64(batchByteCount))
            guard isChunkFull || isEnded else { continue }
            try Task.checkCancellation()
            let end = reader.cursor
            chunk.cursor = CatalogShard.Cursor(
                byteOffset: end.byteOffset, ordinal: end.ordinal, digest: end.headerDigest)
            guard isUnchanged() else {
                throw ShardError(
                    .fileChanged, "The file changed while it was read; run the same command again when it is at rest.",
                    path: shard.absolutePath)
            }
            try catalog.append(chunk, to: shard.id, completingWith: isEnded ? end.headerDigest : nil)
            state.committed()
            chunk = SampleChunk(cursor: chunk.cursor)
            if !isEnded, stop.isStopRequested { return false }
        }
        let ignoredCount = reader.ignoredMemberCount
        state.update { $0.ignoredMemberCount += ignoredCount }
        return true
    }

    /// Records a file that is no tar as one thing found and quarantined.
    func refuse(
        _ shard: CatalogShard, _ refusal: (code: ShardError.Code, reason: String)
    ) throws -> Bool {
        let start = TarCursor.start
        var chunk = SampleChunk(
            cursor: CatalogShard.Cursor(byteOffset: 0, ordinal: 1, digest: start.headerDigest))
        chunk.quarantine.append(SampleExamination.record(0, "", 0, refusal.code.rawValue, refusal.reason))
        try catalog.append(chunk, to: shard.id, completingWith: start.headerDigest)
        state.committed()
        examined(count: 1, byteCount: 0)
        return true
    }
}
