import ByteFormats
import CKernels
import Samples

/// Along which directions queries tell rows apart, and how much more an error of a code weighs there than elsewhere.
///
/// The score of a row whose code is wrong by e is wrong by <q, e>: over the queries q its mean square is e^T C e with
/// C = mean of q q^T (quantisation for inner products: arXiv 1509.01469). C of image–text models has few large eigenvalues.
/// With its eigenvectors u_j, their values l_j and the mean l of those left out, e^T C e = l (|e|^2 + sum <d_j, e>^2) with
/// d_j = sqrt(l_j / l - 1) u_j. Encoding rounds elements so that this becomes small, instead of |e| alone: most of the
/// error then lies where no query looks.
struct QueryDirections: Sendable {
    /// D.
    let width: Int
    /// [D, 32]: an element of all directions, then the next.
    let elements: [Float]
    /// How far codes may follow.
    let reach: Reach
    /// [D]: squared lengths of the rows of `elements`.
    private let norms: [Float]

    /// How near to 0 an element must be to take the other sign, and how near to the next upper half of a code to take that, in
    /// steps of whole codes.
    ///
    /// Scans of signs and of upper halves then find more, and the error of whole codes grows.
    struct Reach: Sendable, Equatable {
        var sign: Float
        var upper: Float

        /// Whether both are within what can be: further than a step from the next upper half, an element that came back from
        /// there would not have its nearest code.
        var isPossible: Bool { sign >= 0 && sign <= 8 && upper >= 0 && upper <= 1 }

        func limited(to other: Reach) -> Reach { Reach(sign: min(sign, other.sign), upper: min(upper, other.upper)) }

        /// Where queries are known. The error of whole codes grows by a third, mostly where queries do not look.
        static let known = Reach(sign: 2, upper: 0.75)
        /// Where queries are guessed to be like rows: what others find in whole codes stays as it would be without.
        static let guessed = Reach(sign: 1, upper: 0.5)
    }

    static let count = Int(VLM_DIRECTIONS)
    /// The largest length of a direction: what was seen of queries may not be all there will be.
    static let maximumLength = 16.0

    /// - Parameter elements: [D, 32], as they are stored.
    init(elements: [Float], reach: Reach) {
        precondition(elements.count % Self.count == 0, "QueryDirections: \(elements.count) elements")
        self.elements = elements
        self.reach = reach
        width = elements.count / Self.count
        norms = UnitVectors.squaredLengths(elements, dimension: Self.count).map { Float($0) }
    }

    /// Calls `body` with the form that encoding for a profile takes; `nil` stays `nil`.
    ///
    /// Vectors are kept as steps from their codes, so that of `full` these must not go far.
    @unsafe static func withKernelForm(
        of directions: QueryDirections?, for profile: IndexProfile, _ body: (UnsafePointer<vlm_directions>?) -> Void
    ) {
        guard let directions else { return body(nil) }
        let reach = profile == .full ? directions.reach.limited(to: .guessed) : directions.reach
        unsafe directions.elements.withUnsafeBufferPointer { elements in
            unsafe directions.norms.withUnsafeBufferPointer { norms in
                guard let elements = elements.baseAddress, let norms = norms.baseAddress else { return }
                // [D, 32] and [D], as made above.
                var form = unsafe vlm_directions(
                    elements: elements, norms: norms, sign_reach: reach.sign, upper_reach: reach.upper)
                unsafe body(&form)
            }
        }
    }
}

extension QueryDirections {
    private static let basisCount = Int(VLM_BASIS)
    private static let iterationCount = 8
    private static let leastRatio = 1e-6

    /// The directions of queries like these, each set of which counts alike: 32 vectors [E], one after the other, of
    /// falling length. Deterministic, on every machine.
    ///
    /// Orthogonal iteration for the eigenvectors of the second moment, begun with the same numbers each time.
    static func learned(from sets: [[Float]], dimension: Int) -> [Float] {
        let sets = sets.filter { !$0.isEmpty }
        var generator = SeededGenerator(seed: UInt64(dimension), number: 0, purpose: "query directions")
        let columnCount = min(basisCount, dimension)
        var basis = (0..<columnCount).map { _ in
            (0..<dimension).map { _ in generator.next() >> 63 == 1 ? 1.0 : -1.0 }
        }
        let rows = sets.flatMap { set in
            // Rows of a set share its weight.
            let scale = Float((1 / Double(set.count / dimension * sets.count)).squareRoot())
            return set.map { $0 * scale }
        }
        let trace = rows.reduce(0.0) { $0 + Double($1) * Double($1) }
        var values = [Double](repeating: 0, count: columnCount)
        for _ in 0..<iterationCount {
            orthonormalize(&basis)
            let products = momentProducts(rows, basis, dimension: dimension)
            values = products.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            basis = products
        }
        orthonormalize(&basis)
        let largest = min(count, dimension)
        let left = max(0, trace - values[..<largest].reduce(0, +)) / Double(max(1, dimension - largest))
        let floor = max(left, leastRatio * trace / Double(dimension))
        var directions = [Float](repeating: 0, count: count * dimension)
        for index in 0..<largest where values[index] > floor {
            let length = min(maximumLength, (values[index] / floor - 1).squareRoot())
            for element in 0..<dimension {
                directions[index * dimension + element] = Float(length * basis[index][element])
            }
        }
        return directions
    }

    /// Gram–Schmidt, twice. What depends on the vectors before it becomes 0.
    private static func orthonormalize(_ vectors: inout [[Double]]) {
        for index in vectors.indices {
            for _ in 0..<2 {
                for other in 0..<index {
                    let product = zip(vectors[index], vectors[other]).reduce(0) { $0 + $1.0 * $1.1 }
                    for element in vectors[index].indices {
                        vectors[index][element] -= product * vectors[other][element]
                    }
                }
            }
            let length = vectors[index].reduce(0) { $0 + $1 * $1 }.squareRoot()
            let scale = length > 1e-30 ? 1 / length : 0
            for element in vectors[index].indices { vectors[index][element] *= scale }
        }
    }

    /// C v for each vector v of a basis, C = sum of a a^T over the rows a [n, E].
    private static func momentProducts(_ rows: [Float], _ basis: [[Double]], dimension: Int) -> [[Double]] {
        var columns = [Float](repeating: 0, count: dimension * basisCount)
        for (column, vector) in basis.enumerated() {
            for element in 0..<dimension { columns[element * basisCount + column] = Float(vector[element]) }
        }
        var product = [Float](repeating: 0, count: dimension * basisCount)
        // rows: whole rows of E elements; columns and product: [E, 48].
        unsafe vlm_moment_product(rows, rows.count / dimension, dimension, columns, &product)
        return basis.indices.map { column in
            (0..<dimension).map { Double(product[$0 * basisCount + column]) }
        }
    }
}
