/// Vectors that a new codec is made from: their mean, and some of them, spread evenly over all.
struct CodecSample: Sendable {
    /// E.
    let dimension: Int
    /// Elements of kept vectors, at most.
    private static let keptElementCount = 1 << 20

    private var sums: [Double]
    private var count = 0
    /// [n, E]: every so many vectors one.
    private(set) var kept: [Float] = []
    private var keptShare = 1

    init(dimension: Int) {
        self.dimension = dimension
        sums = [Double](repeating: 0, count: dimension)
    }

    /// Adds vectors [n, E].
    mutating func add(_ vectors: [Float]) {
        for start in stride(from: 0, to: vectors.count, by: dimension) {
            for index in sums.indices { sums[index] += Double(vectors[start + index]) }
            if count % keptShare == 0 {
                if kept.count + dimension > Self.keptElementCount { thin() }
                if count % keptShare == 0 { kept += vectors[start..<start + dimension] }
            }
            count += 1
        }
    }

    /// Keeps every second of the kept ones.
    private mutating func thin() {
        let rowCount = kept.count / dimension
        kept = stride(from: 0, to: rowCount, by: 2).flatMap { kept[$0 * dimension..<($0 + 1) * dimension] }
        keptShare *= 2
    }

    var isEmpty: Bool { count == 0 }
    /// 0 for no vectors.
    var mean: [Float] { sums.map { Float($0 / Double(max(1, count))) } }
}
