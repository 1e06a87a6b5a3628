import CKernels
import Samples

/// Queries as the scans of codes want them: rotated, and rounded to 16 bits (two signed bytes) and to 3 bits (planes).
///
/// A rotated query p is approximated by step * (256 coarse + fine), and by 256 step * coarse alone; the lengths of both
/// differences are known, so that what rounding the query does to a score is bounded. The 3-bit form, elements
/// planeStep * (an odd number from -7 to 7), serves the scan of signs, which is an estimate anyway.
struct PreparedQueries: Sendable {
    /// What one query's scores are put together from.
    struct Terms: Sendable {
        /// <q, m>, and |q| rounded up.
        let base: Double
        let length: Float
        /// p is about step * (256 coarse + fine).
        let step: Double
        /// Sums of the elements of coarse, and of 256 coarse + fine.
        let coarseSum: Int64
        let sum: Int64
        /// |p - 256 step coarse| and |p - step (256 coarse + fine)|, rounded up.
        let coarseError: Float
        let error: Float
        let planeStep: Float
        /// What Float32 arithmetic can add to any score.
        let slack: Float

        /// Rows of scales from 0 to `scale` whose estimate from signs reaches `threshold` have at least this sum.
        func leastDot(reaching threshold: Float, scale: Float) -> Int32 {
            // More than what the two roundings of an estimate and those of its factor can add to it.
            let slack = 1e-6 * (abs(base) + Double(threshold.magnitude))
            let missing = Double(threshold) - base - slack
            let least = missing / (Double(scale) * Double(planeStep) * (1 + 1e-6))
            // A scale of infinity says that nothing is known.
            guard missing > 0, scale.isFinite, least.isFinite else { return .min }
            return Int32(clamping: Int(min(least, 1e9).rounded(.down)))
        }
    }

    let count: Int
    /// D.
    let width: Int
    /// [Q, D].
    private(set) var coarse: [Int8]
    /// [Q, 2, D]: coarse, then fine.
    private(set) var pairs: [Int8]
    /// [Q, P, D / 8].
    private(set) var planes: [UInt8]
    static let planeCount = VLM_SIGN_PLANES
    /// Bytes of a query's planes.
    var planeByteCount: Int { Self.planeCount * width / 8 }
    private(set) var terms: [Terms] = []

    /// Prepares queries [Q, E].
    init(_ queries: [Float], codec: VectorCodec) {
        count = queries.count / codec.dimension
        width = codec.codeDimension
        coarse = [Int8](repeating: 0, count: count * width)
        pairs = [Int8](repeating: 0, count: count * width * 2)
        planes = [UInt8](repeating: 0, count: count * Self.planeCount * width / 8)
        terms.reserveCapacity(count)
        for query in 0..<count {
            append(
                codec.rotated(queries[query * codec.dimension..<(query + 1) * codec.dimension]), query: query,
                rotatedMean: codec.rotatedMean)
        }
    }

    private init(of all: PreparedQueries, query: Int) {
        count = 1
        width = all.width
        coarse = Array(all.coarse[query * width..<(query + 1) * width])
        pairs = Array(all.pairs[query * 2 * width..<(query + 1) * 2 * width])
        planes = Array(all.planes[query * all.planeByteCount..<(query + 1) * all.planeByteCount])
        terms = [all.terms[query]]
    }

    /// One of them alone.
    func one(_ query: Int) -> PreparedQueries { PreparedQueries(of: self, query: query) }

    private mutating func append(_ rotated: [Float], query: Int, rotatedMean: [Float]) {
        var base = 0.0
        var squared = 0.0
        var largest: Float = 0
        for (value, mean) in zip(rotated, rotatedMean) {
            base += Double(value) * Double(mean)
            squared += Double(value) * Double(value)
            largest = max(largest, abs(value))
        }
        // 127 * 257: the largest number whose rounded upper byte is 127.
        let step = Double(largest) / 32_639
        var sums = (coarse: Int64(0), both: Int64(0))
        var errors = (coarse: 0.0, both: 0.0)
        for (index, value) in rotated.enumerated() {
            let number = step > 0 ? Int((Double(value) / step).rounded()) : 0
            let upper = (number + 128) >> 8
            let lower = number - upper * 256
            coarse[query * width + index] = Int8(clamping: upper)
            pairs[query * 2 * width + index] = Int8(clamping: upper)
            pairs[(query * 2 + 1) * width + index] = Int8(clamping: lower)
            sums.coarse += Int64(upper)
            sums.both += Int64(number)
            let coarseRest = Double(value) - step * Double(256 * upper)
            let rest = Double(value) - step * Double(number)
            errors.coarse += coarseRest * coarseRest
            errors.both += rest * rest
        }
        // The step of least error of 8 levels for a normal distribution, in standard deviations.
        let planeStep = Float(0.5860 * (squared / Double(width)).squareRoot())
        let levelCount = 1 << Self.planeCount
        for (index, value) in rotated.enumerated() where planeStep > 0 {
            let level = min(levelCount - 1, max(0, Int((value / planeStep).rounded(.down)) + levelCount / 2))
            for plane in 0..<Self.planeCount where level >> plane & 1 == 1 {
                planes[query * planeByteCount + plane * width / 8 + index / 8] |= 1 << UInt8(index % 8)
            }
        }
        let length = Float(squared.squareRoot()).nextUp
        terms.append(
            Terms(
                base: base, length: length, step: step, coarseSum: sums.coarse, sum: sums.both,
                coarseError: Float(errors.coarse.squareRoot()).nextUp, error: Float(errors.both.squareRoot()).nextUp,
                planeStep: planeStep / 2, slack: length * (1e-5 + 4e-9 * Float(width))))
    }
}
