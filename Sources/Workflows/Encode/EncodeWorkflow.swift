import Encoders
import Foundation
import Imaging
import PipelineEngine
import Tokenization

/// Encodes pictures or texts in the order given, for scripts and for proof; the workspace is not touched.
///
/// Batches are decoded, prepared and encoded concurrently; at most two for each thread are in memory.
public enum EncodeWorkflow {
    /// Encodes and writes.
    ///
    /// - Throws: `WorkflowError`: `noInput` or `badData` naming the first item that cannot be read, unless those are skipped;
    ///   `badData` when every item had to be skipped; `usage` when the product does not fit the input; `interrupted` after a
    ///   requested stop. When it throws, no file is left.
    public static func run(_ request: EncodeRequest, with runtime: ModelRuntime) async throws -> EncodeReport {
        try check(request)
        let model = runtime.model
        let work = try await runtime.pool.run { try ItemEncoder(request: request, model: model) }
        var sink = try sink(for: request, model)
        let isImages = request.input.isImages
        let batches = EncodeBatches(
            input: request.input, batchCount: isImages ? work.imageBatchCount : EncodeBatches.textCount,
            shouldStop: { runtime.stop.isStopRequested })
        let progress = ProgressReporter(
            title: "encode", unit: isImages ? "images" : "texts", totalCount: request.input.count,
            style: runtime.progressStyle)
        var (itemCount, skippedCount, truncatedCount) = (0, 0, 0)
        do {
            try await runtime.pool.orderedMap(batches, window: 2 * runtime.pool.threadCount) { batch in
                (batch, try work(batch.items))
            } consume: { batch, result in
                truncatedCount += result.truncatedCount
                for (input, item) in zip(batch.items, result.items) {
                    if case .failure(let reason) = item {
                        skippedCount += 1
                        progress.message("skipped: \(reason)", isError: true)
                    }
                    try sink.add(item, of: input)
                }
                itemCount += batch.items.count
                progress.update(completedCount: itemCount)
            }
            if runtime.stop.isStopRequested {
                throw WorkflowError(.interrupted, "stopped; the output was not written")
            }
            if itemCount > 0, skippedCount == itemCount {
                throw WorkflowError(.badData, "none of the \(itemCount) items could be read")
            }
            try sink.finish()
        } catch {
            try sink.abandon()
            throw error
        }
        progress.finish()
        if truncatedCount > 0 {
            runtime.note(
                "\(truncatedCount) of \(itemCount) texts are longer than the model's "
                    + "\(model.configuration.text.contextLength) tokens; their ends were not used")
        }
        return EncodeReport(itemCount: itemCount, skippedCount: skippedCount, truncatedCount: truncatedCount)
    }

    private static func check(_ request: EncodeRequest) throws {
        let isImages = request.input.isImages
        switch request.product {
        case .embedding, .features(.pooled), .features(.tokens): break
        case .features(.spatial):
            guard isImages else { throw WorkflowError(.usage, "texts have no spatial features; use pooled or tokens") }
        case .pixels:
            guard isImages else { throw WorkflowError(.usage, "--pixels takes images") }
            guard request.outputPath != nil else { throw WorkflowError(.usage, "--pixels needs --output FILE.npy") }
            guard !request.skipsBadItems else {
                throw WorkflowError(.usage, "bytes have no mark for a picture that is missing: --pixels skips none")
            }
        case .tokens:
            guard !isImages else { throw WorkflowError(.usage, "--tokens takes texts") }
            guard request.outputPath == nil else {
                throw WorkflowError(
                    .usage, "--tokens writes JSON lines to standard output, since rows differ in length")
            }
        }
    }

    private static func sink(for request: EncodeRequest, _ model: OpenedModel) throws -> any EncodeSink {
        guard let path = request.outputPath else {
            let isFeatures = if case .features = request.product { true } else { false }
            return JSONLineSink(isImages: request.input.isImages, key: isFeatures ? "features" : "embedding")
        }
        var shape: [Int]?
        switch request.product {
        case .embedding: shape = [model.configuration.embeddingDimension]
        case .features(.tokens) where !request.input.isImages:
            shape = [model.configuration.text.contextLength, model.configuration.text.width]
        case .features, .pixels, .tokens: shape = nil
        }
        return try NumpySink(path: path, itemShape: shape)
    }
}
