import CKernels

/// What binary16 rounding took from the elements of vectors, to a sixty-fourth: six bits an element.
///
/// Vectors of matrices come as Float32, and binary16 alone would change their scores by about 1e-5, enough to exchange
/// neighbours that nearly tie. Embeddings are binary16 from the start and have none.
enum FineBits {
    /// How far the vector a row was made of can be from its binary16 form, in units of its length: half a step of 2^-10, and
    /// of 2^-24 for elements too small for that.
    static let distance: Float = 0.0005

    /// Bytes of a row of `dimension` elements.
    static func byteCount(dimension: Int) -> Int { (6 * dimension + 7) / 8 }

    /// The bits of vectors [rows, E], row by row.
    static func bits(of vectors: [Float], halves: [UInt16], dimension: Int) -> [UInt8] {
        precondition(
            vectors.count == halves.count && vectors.count % dimension == 0, "bits of \(vectors.count) elements")
        let size = byteCount(dimension: dimension)
        var bits = [UInt8](repeating: 0, count: vectors.count / dimension * size)
        unsafe vectors.withUnsafeBufferPointer { vectors in
            unsafe halves.withUnsafeBufferPointer { halves in
                unsafe bits.withUnsafeMutableBufferPointer { bits in
                    guard let from = vectors.baseAddress, let halves = halves.baseAddress, let to = bits.baseAddress
                    else { return }
                    // Each row has E elements and `size` bytes.
                    for row in 0..<vectors.count / dimension {
                        unsafe vlm_fine_bits(
                            from + row * dimension, halves + row * dimension, dimension, to + row * size)
                    }
                }
            }
        }
        return bits
    }

    /// Rows of binary16 numbers with their bits as Float32; without bits as they are.
    static func refined(_ halves: [UInt16], _ bits: [UInt8], dimension: Int) -> [Float] {
        let size = byteCount(dimension: dimension)
        let rowCount = halves.count / dimension
        precondition(
            halves.count == rowCount * dimension && bits.count == rowCount * size,
            "refined: \(halves.count) elements, \(bits.count) bytes")
        var values = [Float](repeating: 0, count: halves.count)
        unsafe halves.withUnsafeBufferPointer { halves in
            unsafe bits.withUnsafeBufferPointer { bits in
                unsafe values.withUnsafeMutableBufferPointer { values in
                    guard let from = halves.baseAddress, let bits = bits.baseAddress, let to = values.baseAddress
                    else { return }
                    // Each row has E elements and `size` bytes.
                    for row in 0..<rowCount {
                        unsafe vlm_refine(
                            from + row * dimension, bits + row * size, dimension, to + row * dimension)
                    }
                }
            }
        }
        return values
    }

    /// The bits of rows that have none: 32 everywhere.
    static func neutral(rowCount: Int, dimension: Int) -> [UInt8] {
        bits(
            of: [Float](repeating: 0, count: rowCount * dimension),
            halves: [UInt16](repeating: 0, count: rowCount * dimension), dimension: dimension)
    }
}
