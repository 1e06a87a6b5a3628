/// One parameter tensor as an operation sees it: a range of the flat parameter buffer, and the same range of its gradient.
public struct ParameterSpan: Sendable, Equatable {
    /// The first element, in floats.
    public let offset: Int
    /// The number of elements.
    public let count: Int

    /// The elements `offset ..< offset + count` of a flat parameter buffer.
    public init(offset: Int, count: Int) {
        precondition(offset >= 0 && count >= 0, "parameter of \(count) elements at \(offset)")
        self.offset = offset
        self.count = count
    }
}
