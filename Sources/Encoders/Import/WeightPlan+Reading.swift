import ByteFormats
import Kernels

extension WeightPlan.Step {
    /// Elements that are copied and looked at while they are in the cache.
    private static let runCount = 1 << 16

    /// The matrix where it is in the mapped file; nil where it must be converted, and where it is not aligned. Vectors are copied: the
    /// biases of query, key and value are used as one.
    func view() throws(ByteFormatError) -> FloatBuffer? {
        guard target.shape.count >= 2, folding == nil, interpolation == nil, case .same = arrangement,
            place.entry.element == .float32
        else { return nil }
        return try place.file.withBytes(of: place.entry) { [file = place.file] bytes in
            unsafe bytes.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress, Int(bitPattern: base) % MemoryLayout<Float>.alignment == 0 else {
                    return nil
                }
                // The view keeps the file, and with it the mapping; the header was checked against the file's size.
                return unsafe FloatBuffer(
                    viewing: base.assumingMemoryBound(to: Float.self), count: target.range.count, of: file)
            }
        }
    }

    /// Fills the target; false when a value is infinite or NaN.
    func fill(_ parameters: FloatBuffer) throws(ByteFormatError) -> Bool {
        guard try fillAsStored(parameters) else { return false }
        guard let folding else { return true }
        var others: [[Float]] = []
        for place in folding.places { others.append(try place.file.floats(of: place.entry.name)) }
        parameters.withMutableSpan(of: target.range) { folding.rule.apply(to: &$0, others: others) }
        return isFinite(parameters, target.range)
    }

    private func fillAsStored(_ parameters: FloatBuffer) throws(ByteFormatError) -> Bool {
        if let interpolation {
            return try fillInterpolated(parameters, interpolation.kernel, gridSize: interpolation.gridSize)
        }
        switch arrangement {
        case .same: return try fillSame(parameters)
        case .transposed:
            return try rearrange(parameters, groupCount: 1, rowCount: target.shape[1], columnCount: target.shape[0])
        case .channelsSecond:
            return try rearrange(
                parameters, groupCount: target.shape[0], rowCount: target.shape[3],
                columnCount: target.shape[1] * target.shape[2])
        case .depthwise:
            return try rearrange(
                parameters, groupCount: 1, rowCount: target.shape[2], columnCount: target.shape[0] * target.shape[1])
        }
    }

    private func isFinite(_ parameters: FloatBuffer, _ range: Range<Int>) -> Bool {
        RowKernels.isFinite(FloatRegion(parameters, offset: range.lowerBound, count: range.count))
    }

    private func fillSame(_ parameters: FloatBuffer) throws(ByteFormatError) -> Bool {
        var start = 0
        while start < target.range.count {
            let run = start..<min(start + Self.runCount, target.range.count)
            let places = target.range.lowerBound + run.lowerBound..<target.range.lowerBound + run.upperBound
            try parameters.withMutableSpan(of: places) { span throws(ByteFormatError) in
                try place.file.copyFloats(of: place.entry, elements: run, into: &span)
            }
            guard isFinite(parameters, places) else { return false }
            start = run.upperBound
        }
        return true
    }

    /// Transposes each of `groupCount` matrices [rowCount, columnCount].
    private func rearrange(
        _ parameters: FloatBuffer, groupCount: Int, rowCount: Int, columnCount: Int
    ) throws(ByteFormatError) -> Bool {
        let source = try place.file.floats(of: place.entry.name)
        parameters.withMutableSpan(of: target.range) { target in
            var index = 0
            for group in 0..<groupCount {
                let start = group * rowCount * columnCount
                for column in 0..<columnCount {
                    for row in 0..<rowCount {
                        target[index] = source[start + row * columnCount + column]
                        index += 1
                    }
                }
            }
        }
        return isFinite(parameters, target.range)
    }

    /// Positions before the grid are taken as they are, those of the grid are interpolated.
    private func fillInterpolated(
        _ parameters: FloatBuffer, _ kernel: PositionInterpolation, gridSize: Int
    ) throws(ByteFormatError) -> Bool {
        let source = try place.file.floats(of: place.entry.name)
        let width = target.shape[1]
        let prefixCount = source.count / width - gridSize * gridSize
        let targetSize = Int(Double(target.shape[0] - prefixCount).squareRoot())
        let grid = kernel.apply(
            Array(source[(prefixCount * width)...]), sourceSize: gridSize, targetSize: targetSize, width: width)
        parameters.write(source[..<(prefixCount * width)], at: target.range.lowerBound)
        parameters.write(grid, at: target.range.lowerBound + prefixCount * width)
        return isFinite(parameters, target.range)
    }
}
