/// Where every parameter lies in the flat buffer that holds all of them.
///
/// Entries are in storage order and fill the buffer without holes. Names are dotted and stable; they are also the tensor names
/// in `weights.safetensors`. Linear weights are [out, in]; convolution weights are [out, height, width, in];
/// query, key and value of one attention follow each other, so that one product computes all three.
public struct ParameterLayout: Sendable, Equatable {
    /// One parameter tensor.
    public struct Entry: Sendable, Equatable {
        /// The dotted path, for example `imageTower.blocks.0.attention.query.weight`.
        public let name: String
        /// The extents, outermost first; empty for a scalar.
        public let shape: [Int]
        /// The first element, in floats from the start of the flat buffer.
        public let offset: Int
        /// The number of elements.
        public let count: Int
        /// Whether weight decay applies: matrices yes; gains, biases, positions, class token and logit scale no.
        public let isDecayed: Bool
        /// Whether inference takes it in 16 bits as well: a matrix of products, or a table of which rows are looked up.
        public let mayBeHalf: Bool

        /// The elements as a range of the flat buffer.
        public var range: Range<Int> { offset..<offset + count }
    }

    /// All parameters in storage order.
    public private(set) var entries: [Entry] = []
    /// The number of floats of the flat buffer.
    public private(set) var totalCount = 0
    private var indexByName: [String: Int] = [:]

    init() {}

    /// The entry of that name, or nil.
    public subscript(name: String) -> Entry? {
        indexByName[name].map { entries[$0] }
    }

    /// Appends a parameter behind the last one and returns its offset.
    @discardableResult
    mutating func append(_ name: String, _ shape: [Int], isDecayed: Bool, mayBeHalf: Bool = false) -> Int {
        precondition(indexByName[name] == nil, "parameter \(name) declared twice")
        let count = shape.reduce(1, *)
        let entry = Entry(
            name: name, shape: shape, offset: totalCount, count: count, isDecayed: isDecayed, mayBeHalf: mayBeHalf)
        indexByName[name] = entries.count
        entries.append(entry)
        totalCount += count
        return entry.offset
    }
}
