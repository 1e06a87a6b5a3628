import PipelineEngine
import SampleCatalog
import Samples
import Shards

extension IngestWorkflow {
    /// Reads the streams of the plan one after the other. What was read to its end before is not read again: a stream has
    /// neither size nor time.
    func ingestStreams(_ plan: inout IngestPlan) async throws {
        for address in plan.streams {
            if stop.isStopRequested {
                state.update { $0.add(.interrupted) }
                return
            }
            let known = try catalog.stream(from: address.text, ofDataset: options.dataset)
            let shard: CatalogShard
            if let known {
                shard = known
            } else {
                guard
                    let added = try catalog.register([
                        ShardRegistration(
                            dataset: options.dataset, rootPath: "", path: address.text, kind: .stream,
                            name: address.shardName, settings: options.settings.text)
                    ]).first
                else { continue }
                shard = added
                state.committed()
            }
            plan.involved.insert(shard.id)
            do {
                let outcome = try await ingestStream(shard, address, isNew: known == nil)
                state.update { $0.add(outcome) }
            } catch let error as ShardError {
                state.update { report in
                    report.add(.failed)
                    report.add(error)
                }
            }
        }
    }

    private func ingestStream(
        _ shard: CatalogShard, _ address: StreamAddress, isNew: Bool
    ) async throws -> IngestReport.ShardOutcome {
        if shard.state == .complete, options.settings.areMet(by: shard.settings) { return .unchanged }
        var cursor = CatalogShard.Cursor.start
        var outcome: IngestReport.ShardOutcome = isNew ? .added : shard.state == .pending ? .resumed : .replaced
        let isResumed = shard.state == .pending && shard.cursor.ordinal > 0 && shard.settings == options.settings.text
        let bytes = try ShardBytes(address, stallSeconds: options.stallSeconds)
        if isResumed {
            cursor = shard.cursor
            outcome = .resumed
        } else {
            try catalog.begin(shard.id, byteCount: nil, modifiedNanoseconds: nil, settings: options.settings.text)
            state.committed()
            if let refusal = bytes.kind.refusal { return try refuse(shard, refusal) ? outcome : .interrupted }
        }
        return try await readTar(shard, bytes: bytes, from: cursor, isUnchanged: { true }) ? outcome : .interrupted
    }
}
