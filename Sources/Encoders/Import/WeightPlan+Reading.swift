import ByteFormats
import Kernels

extension WeightPlan.Step {
    /// Elements that are copied and looked at while they are in the cache.
    private static let runCount = 1 << 16

    /// What `read` makes of the tensor; its errors name the tensor.
    func reading<Result>(_ read: () throws(ByteFormatError) -> Result) throws(EncodersError) -> Result {
        do {
            return try read()
        } catch {
            throw EncodersError(
                .fileAccess, "tensor '\(place.entry.name)' could not be read as floats", at: place.file.path,
                cause: error)
        }
    }

    /// Throws unless the tensor's values are finite.
    func check(_ isFinite: Bool) throws(EncodersError) {
        guard isFinite else {
            throw EncodersError(
                .nonFiniteWeight, "holds infinite or NaN weights; training diverged or the file is damaged",
                at: place.entry.name)
        }
    }

    /// The matrix where it is in the mapped file; nil where it must be converted. Vectors are copied: the biases of query, key and value
    /// are used as one.
    func view() throws(ByteFormatError) -> WeightRegion? {
        guard target.shape.count >= 2, folding == nil, interpolation == nil, case .same = arrangement,
            place.entry.element == .float32 || target.mayBeHalf
        else { return nil }
        return try place.mapped()
    }

    /// Fills the target's floats; false when a value is infinite or NaN.
    func fill(_ output: FloatRegion) throws(ByteFormatError) -> Bool {
        guard try fillAsStored(output) else { return false }
        guard let folding else { return true }
        var others: [[Float]] = []
        for place in folding.places { others.append(try place.file.floats(of: place.entry.name)) }
        output.withMutableSpan { folding.rule.apply(to: &$0, others: others) }
        return RowKernels.isFinite(output)
    }

    private func fillAsStored(_ output: FloatRegion) throws(ByteFormatError) -> Bool {
        if let interpolation {
            return try fillInterpolated(output, interpolation.kernel, gridSize: interpolation.gridSize)
        }
        switch arrangement {
        case .same: return try fillSame(output)
        case .transposed:
            return try rearrange(output, groupCount: 1, rowCount: target.shape[1], columnCount: target.shape[0])
        case .channelsSecond:
            return try rearrange(
                output, groupCount: target.shape[0], rowCount: target.shape[3],
                columnCount: target.shape[1] * target.shape[2])
        case .depthwise:
            return try rearrange(
                output, groupCount: 1, rowCount: target.shape[2], columnCount: target.shape[0] * target.shape[1])
        }
    }

    private func fillSame(_ output: FloatRegion) throws(ByteFormatError) -> Bool {
        var start = 0
        while start < output.count {
            let run = output.region(at: start, count: min(Self.runCount, output.count - start))
            try run.withMutableSpan { span throws(ByteFormatError) in
                try place.file.copyFloats(of: place.entry, elements: start..<start + run.count, into: &span)
            }
            guard RowKernels.isFinite(run) else { return false }
            start += run.count
        }
        return true
    }

    /// Transposes each of `groupCount` matrices [rowCount, columnCount].
    private func rearrange(
        _ output: FloatRegion, groupCount: Int, rowCount: Int, columnCount: Int
    ) throws(ByteFormatError) -> Bool {
        let source = try place.file.floats(of: place.entry.name)
        output.withMutableSpan { target in
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
        return RowKernels.isFinite(output)
    }

    /// Positions before the grid are taken as they are, those of the grid are interpolated.
    private func fillInterpolated(
        _ output: FloatRegion, _ kernel: PositionInterpolation, gridSize: Int
    ) throws(ByteFormatError) -> Bool {
        let source = try place.file.floats(of: place.entry.name)
        let width = target.shape[1]
        let prefixCount = source.count / width - gridSize * gridSize
        let targetSize = Int(Double(target.shape[0] - prefixCount).squareRoot())
        let grid = kernel.apply(
            Array(source[(prefixCount * width)...]), sourceSize: gridSize, targetSize: targetSize, width: width)
        output.buffer.write(source[..<(prefixCount * width)], at: output.offset)
        output.buffer.write(grid, at: output.offset + prefixCount * width)
        return RowKernels.isFinite(output)
    }
}

extension FloatRegion {
    /// Writes the values through a span; nobody else may touch them meanwhile.
    fileprivate func withMutableSpan<Result, Failure: Error>(
        _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try buffer.withMutableSpan(of: offset..<offset + count, body)
    }
}
