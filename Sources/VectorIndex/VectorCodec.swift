import ByteFormats
import CKernels
import Samples

/// How rows become codes: a rotation that spreads every vector evenly over its elements, and one mean that is taken off
/// first. It belongs to an index, not to its rows, so codes never change when segments are merged.
///
/// A row x (of unit length, padded with zeros to a multiple of 64) is kept as r = R x - R m. Scores are put together
/// again as <q, x> = <R q, R m> + <R q, r>. Centring matters for vectors that lie in a cone, as those of image–text
/// models do; the rotation (RaBitQ, arXiv 2405.12497) makes plain steps of equal size right for every element. A codec
/// that knows where queries look rounds so that scores change least there (`QueryDirections`); reading codes needs no
/// directions.
public struct VectorCodec: Sendable, Equatable {
    /// E.
    let dimension: Int
    /// E rounded up to a multiple of 64.
    let codeDimension: Int
    /// The mean m, [E].
    let mean: [Float]
    /// [4, D] signs of the rotation, each 1 or -1.
    let signs: [Float]
    /// R m, [D].
    let rotatedMean: [Float]
    /// Rotated; `nil` if none are known.
    let directions: QueryDirections?
    /// SHA-256 of the file.
    public let digest: Digest
    /// The file.
    let encoded: [UInt8]

    static let magic = Array("VLMCOD0\n".utf8)
    static let headByteCount = 64
    static let roundCount = 4
    static let maximumByteCount =
        headByteCount + SegmentFormat.maximumCodeDimension * (5 * 8 + 2 * QueryDirections.count)

    /// A codec for rows like these, asked by queries like those, if any are known, and by rows.
    init(rows: CodecSample, queries: CodecSample?) {
        let queries = queries.flatMap { $0.isEmpty ? nil : $0 }
        let sets = [rows.kept] + (queries.map { [$0.kept] } ?? [])
        self.init(
            mean: rows.mean,
            directions: rows.isEmpty ? [] : QueryDirections.learned(from: sets, dimension: rows.dimension),
            reach: queries == nil ? .guessed : .known)
    }

    /// A codec for vectors with this mean; the rotation depends on the dimension alone.
    ///
    /// - Parameters:
    ///   - directions: 32 vectors [E] one after the other, or none.
    ///   - reach: of `QueryDirections`.
    init(
        mean: [Float], directions: [Float] = [], reach: QueryDirections.Reach = .guessed
    ) {
        precondition((1...EmbeddingHeader.maximumDimension).contains(mean.count), "VectorCodec: \(mean.count) elements")
        precondition(
            directions.isEmpty || directions.count == QueryDirections.count * mean.count,
            "VectorCodec: \(directions.count) elements of directions")
        let codeDimension = Self.codeDimension(of: mean.count)
        var generator = SeededGenerator(seed: UInt64(codeDimension), number: 0, purpose: "index rotation")
        let words = (0..<Self.roundCount * codeDimension / 64).map { _ in generator.next() }
        var writer = ByteWriter(capacity: Self.headByteCount + codeDimension * 8)
        writer.write(Self.magic)
        writer.write(UInt16(0))
        writer.write(UInt16(2))
        writer.write(UInt32(Self.headByteCount))
        writer.write(UInt32(mean.count))
        writer.write(UInt32(codeDimension))
        writer.write(UInt32(directions.isEmpty ? 0 : QueryDirections.count))
        writer.write((directions.isEmpty ? 0 : reach.sign).bitPattern)
        writer.write((directions.isEmpty ? 0 : reach.upper).bitPattern)
        writer.writeZeros(Self.headByteCount - writer.count)
        for word in words { writer.write(word) }
        for value in mean { writer.write(value.bitPattern) }
        let signs = Self.signs(words, codeDimension: codeDimension)
        var elements = [Float](repeating: 0, count: directions.isEmpty ? 0 : codeDimension * QueryDirections.count)
        for index in 0..<directions.count / mean.count {
            let direction = directions[index * mean.count..<(index + 1) * mean.count]
            let rotated = Self.rotated(direction, signs: signs, codeDimension: codeDimension)
            for element in 0..<codeDimension { elements[element * QueryDirections.count + index] = rotated[element] }
        }
        let halves = HalfPrecision.narrow(elements)
        for half in halves { writer.write(half) }
        writer.writeChecksum()
        self.init(
            mean: mean, signs: signs,
            directions: halves.isEmpty
                ? nil : QueryDirections(elements: HalfPrecision.widen(halves), reach: reach),
            encoded: writer.bytes)
    }

    private static func signs(_ bits: [UInt64], codeDimension: Int) -> [Float] {
        (0..<roundCount * codeDimension).map { bits[$0 / 64] >> UInt64($0 % 64) & 1 == 1 ? 1 : -1 }
    }

    private init(mean: [Float], signs: [Float], directions: QueryDirections?, encoded: [UInt8]) {
        self.mean = mean
        self.signs = signs
        self.directions = directions
        dimension = mean.count
        codeDimension = Self.codeDimension(of: mean.count)
        self.encoded = encoded
        digest = Digest(hashing: encoded)
        rotatedMean = Self.rotated(mean, signs: signs, codeDimension: codeDimension)
    }

    /// Parses a codec file.
    ///
    /// - Throws: `damaged` if a byte of it is wrong, `unsupportedVersion` for versions of other programs.
    init(_ bytes: [UInt8], path: String) throws {
        var reader = ByteReader(bytes, path: path)
        try reader.expect(Self.magic, "the magic of an index codec")
        let version = (try reader.read(UInt16.self, "the version"), try reader.read(UInt16.self, "the version"))
        guard version == (0, 2) else {
            throw VectorIndexError(
                .unsupportedVersion,
                "a codec of format \(version.0).\(version.1); this program reads 0.2: run 'vlmpipe index rebuild', or build "
                    + "an index of your own vectors again", path: path)
        }
        let headByteCount = try reader.read(UInt32.self, "the header length")
        let dimension = Int(try reader.read(UInt32.self, "the dimension"))
        let codeDimension = Int(try reader.read(UInt32.self, "the dimension of codes"))
        let directionCount = Int(try reader.read(UInt32.self, "the number of directions"))
        let reach = QueryDirections.Reach(
            sign: Float(bitPattern: try reader.read(UInt32.self, "the reach of signs")),
            upper: Float(bitPattern: try reader.read(UInt32.self, "the reach of upper halves")))
        try reader.expectZeros(Self.headByteCount - reader.position, "the reserved bytes")
        guard headByteCount == UInt32(Self.headByteCount), (1...EmbeddingHeader.maximumDimension).contains(dimension),
            codeDimension == Self.codeDimension(of: dimension),
            directionCount == 0 || directionCount == QueryDirections.count, reach.isPossible
        else { throw reader.error(.malformed, "the header of the codec holds a value that is not possible", at: 12) }
        var words: [UInt64] = []
        for _ in 0..<Self.roundCount * codeDimension / 64 { words.append(try reader.read(UInt64.self, "a sign")) }
        var mean: [Float] = []
        for _ in 0..<dimension { mean.append(Float(bitPattern: try reader.read(UInt32.self, "the mean"))) }
        let position = reader.position
        let halves = LittleEndianColumn.read(
            UInt16.self, try reader.readBytes(codeDimension * directionCount * 2, "the directions"),
            count: codeDimension * directionCount)
        try reader.expectChecksum("the codec")
        try reader.expectEnd()
        guard mean.allSatisfy({ $0.isFinite && abs($0) <= 1 }) else {
            throw reader.error(.malformed, "the mean of the codec is not possible", at: Self.headByteCount)
        }
        let elements = HalfPrecision.widen(halves)
        guard elements.allSatisfy({ abs($0) <= Float(QueryDirections.maximumLength) }) else {
            throw reader.error(.malformed, "the directions of the codec are not possible", at: position)
        }
        self.init(
            mean: mean, signs: Self.signs(words, codeDimension: codeDimension),
            directions: elements.isEmpty ? nil : QueryDirections(elements: elements, reach: reach), encoded: bytes)
    }

    /// Reads a codec file.
    ///
    /// - Throws: as parsing one does, `notFound` if it is not there.
    init(path: String) throws {
        self = try translatingErrors(inFile: path) {
            let file = try RandomAccessFile(path: path)
            guard file.byteCount <= Self.maximumByteCount else {
                throw ByteFormatError(.limitExceeded, "a codec cannot have \(file.byteCount) bytes", path: path)
            }
            return try VectorCodec(try file.read(byteOffset: 0, byteCount: file.byteCount), path: path)
        }
    }

    /// Whether it was made for queries that are known, not only for rows.
    var knowsQueries: Bool { directions?.reach == .known }

    /// Codecs are equal if their files are.
    public static func == (left: VectorCodec, right: VectorCodec) -> Bool { left.digest == right.digest }

    /// `codec-`, the first 32 digits of the digest, `.vlc`.
    static func fileName(_ digest: Digest) -> String { filePrefix + digest.hexadecimal.prefix(32) + fileExtension }
    static let filePrefix = "codec-"
    static let fileExtension = ".vlc"

    /// E rounded up to a multiple of 64.
    static func codeDimension(of dimension: Int) -> Int { (dimension + 63) / 64 * 64 }

    /// R v, [D].
    func rotated(_ vector: some Sequence<Float>) -> [Float] {
        Self.rotated(vector, signs: signs, codeDimension: codeDimension)
    }

    private static func rotated(_ vector: some Sequence<Float>, signs: [Float], codeDimension: Int) -> [Float] {
        var result = Array(vector)
        precondition(result.count <= codeDimension, "rotated: \(result.count) elements into \(codeDimension)")
        result.append(contentsOf: repeatElement(0, count: codeDimension - result.count))
        unsafe result.withUnsafeMutableBufferPointer { result in
            unsafe signs.withUnsafeBufferPointer { signs in
                guard let vector = result.baseAddress, let from = signs.baseAddress else { return }
                // signs is [4, D] and result is [D], as just made.
                unsafe vlm_rotate(vector, codeDimension, from)
            }
        }
        return result
    }

    /// Writes R x - R m for row `row` of vectors [N, E] to `residual` [D].
    func residual(of row: Int, in vectors: [Float], into residual: inout [Float]) {
        precondition(
            (row + 1) * dimension <= vectors.count && residual.count == codeDimension,
            "residual: row \(row) of \(vectors.count) numbers, dimension \(dimension)")
        for index in 0..<dimension { residual[index] = vectors[row * dimension + index] }
        for index in dimension..<codeDimension { residual[index] = 0 }
        unsafe residual.withUnsafeMutableBufferPointer { residual in
            unsafe signs.withUnsafeBufferPointer { signs in
                guard let vector = residual.baseAddress, let from = signs.baseAddress else { return }
                // Sizes were checked above.
                unsafe vlm_rotate(vector, codeDimension, from)
            }
        }
        for index in 0..<codeDimension { residual[index] -= rotatedMean[index] }
    }
}
