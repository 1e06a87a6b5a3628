/// The items of a request in groups that make good use of a tower, read as they are asked for.
struct EncodeBatches: Sequence, Sendable {
    /// Consecutive items.
    struct Batch: Sendable {
        let items: [String]
    }

    /// Texts of one batch: enough for whole slices of every length.
    static let textCount = 128

    let input: EncodeRequest.Input
    /// Items of one batch.
    let batchCount: Int
    let shouldStop: @Sendable () -> Bool

    func makeIterator() -> AnyIterator<Batch> {
        var next = 0
        return AnyIterator {
            if shouldStop() { return nil }
            let items: [String]
            switch input {
            case .images(let list), .texts(let list):
                items = Array(list[next..<Swift.min(next + batchCount, list.count)])
            case .imagesFromStandardInput, .textsFromStandardInput:
                var lines: [String] = []
                while lines.count < batchCount, let line = readLine() { lines.append(line) }
                items = lines
            }
            next += items.count
            return items.isEmpty ? nil : Batch(items: items)
        }
    }
}
