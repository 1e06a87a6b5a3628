import CKernels

/// Vectors as steps from what their codes say.
///
/// The code of a row tells each element of its vector to within a hundredth of the vector's length, so an F16 element needs
/// some 6 to 7 bits more, where on its own it needs 14. The arithmetic is Float32 in a fixed order without contraction, so
/// that every machine restores the same bits.
extension VectorCodec {
    /// What codes say of a row's vector: R^T (scale8 v + R m), [D], of which the first E are the vector's.
    @unsafe private func predict(
        high: UnsafePointer<UInt8>, low: UnsafePointer<UInt8>, scale: Float, into prediction: inout [Float]
    ) {
        if prediction.count != codeDimension { prediction = [Float](repeating: 0, count: codeDimension) }
        unsafe prediction.withUnsafeMutableBufferPointer { prediction in
            unsafe rotatedMean.withUnsafeBufferPointer { mean in
                unsafe signs.withUnsafeBufferPointer { signs in
                    guard let to = prediction.baseAddress, let mean = mean.baseAddress, let signs = signs.baseAddress
                    else { return }
                    // high and low: D / 2 bytes; prediction and mean: [D]; signs: [4, D].
                    unsafe vlm_code_vector(high, low, codeDimension, scale, mean, to)
                    unsafe vlm_rotate_back(to, codeDimension, signs)
                }
            }
        }
    }

    /// The steps from what codes say to vectors [rows, E] as binary16.
    func steps(to halves: [UInt16], codes: RowCodes) -> [UInt16] {
        precondition(
            codes.width == codeDimension && halves.count == codes.factors.count * dimension
                && codes.high.count == codes.low.count, "steps: \(halves.count) halves, \(codes.factors.count) codes")
        var steps = halves
        var prediction: [Float] = []
        let half = codeDimension / 2
        unsafe codes.high.withUnsafeBufferPointer { high in
            unsafe codes.low.withUnsafeBufferPointer { low in
                unsafe steps.withUnsafeMutableBufferPointer { steps in
                    guard let high = high.baseAddress, let low = low.baseAddress, let to = steps.baseAddress
                    else { return }
                    for row in codes.factors.indices {
                        unsafe predict(
                            high: high + row * half, low: low + row * half, scale: codes.factors[row].scale8,
                            into: &prediction)
                        // [E] of each, as just checked.
                        unsafe vlm_half_steps(to + row * dimension, prediction, dimension, to + row * dimension)
                    }
                }
            }
        }
        return steps
    }

    /// Makes the vector of a row of steps [rows, E], given its codes.
    @unsafe func restore(
        _ steps: inout [UInt16], row: Int, high: UnsafePointer<UInt8>, low: UnsafePointer<UInt8>, scale: Float,
        prediction: inout [Float]
    ) {
        precondition((row + 1) * dimension <= steps.count, "restore: row \(row) of \(steps.count) steps")
        unsafe predict(high: high, low: low, scale: scale, into: &prediction)
        unsafe steps.withUnsafeMutableBufferPointer { steps in
            guard let to = steps.baseAddress else { return }
            // [E] of each, as just checked.
            unsafe vlm_halves_from_steps(to + row * dimension, prediction, dimension, to + row * dimension)
        }
    }

    /// Makes the vector of a row of steps [rows, E], given all codes of its group.
    func restore(
        _ steps: inout [UInt16], row: Int, from codes: GroupCodes, codeRow: Int, prediction: inout [Float]
    ) {
        precondition(codeRow < codes.rowCount && codes.width == codeDimension, "restore: row \(codeRow)")
        guard let high = unsafe codes.high, let low = unsafe codes.low else {
            preconditionFailure("vectors are restored with all bits of their codes")
        }
        let half = codeDimension / 2
        // Both have rowCount rows of D / 2 bytes.
        unsafe restore(
            &steps, row: row, high: high + codeRow * half, low: low + codeRow * half, scale: codes.scale8(codeRow),
            prediction: &prediction)
    }
}
