import Kernels
import Samples

extension Preprocessing {
    /// The model's input from a JPEG of one or three components, decoded and resized strip by strip: the same bytes as
    /// by way of the whole picture, without it in memory, and without the pixels that the crop drops. `nil` for files of
    /// other kinds.
    func input(
        fromJPEG bytes: Span<UInt8>, orientation: ImageDecoder.Orientation, decode: DecodeMode, limits: ImageLimits,
        seconds: inout PreprocessingSeconds
    ) throws(ImagingError) -> PixelImage? {
        guard ImageHeader.recognize(bytes) == .jpeg else { return nil }
        let frame = try JPEGFrame.parse(bytes, limits: limits)
        guard frame.componentCount != 4 else { return nil }
        try ImageDecoder.refuseUnlessItFits(frame.canFit(inByteCount: bytes.count), bytes.count, "JPEG")
        let turn = orientation.resolved(frame.header.orientation)
        let (width, height) = (frame.header.pixelWidth, frame.header.pixelHeight)
        let target = turn.swapsAxes ? target(width: height, height: width) : target(width: width, height: height)
        let denominator = decode.scaleDenominator(
            width: turn.swapsAxes ? height : width, height: turn.swapsAxes ? width : height,
            targetWidth: target.width, targetHeight: target.height)
        let plan = PreprocessingSeconds.measure(&seconds.resample) {
            StoredPlan(
                target, turn, width: (width + denominator - 1) / denominator,
                height: (height + denominator - 1) / denominator, filter: filter, release: release)
        }
        let stored = try unsafe bytes.withUnsafeBufferPointer { bytes throws(ImagingError) in
            let start = ContinuousClock.now
            var rows = try unsafe JPEGRows(
                bytes, frame.header, columns: plan.columns.sourceRange, scaleDenominator: denominator, limits: limits)
            seconds.decode += (ContinuousClock.now - start) / .seconds(1)
            return try plan.resampled(&rows, &seconds)
        }
        let result = PixelImage(
            width: plan.columns.targetCount, height: plan.rows.targetCount, bytes: stored
        ).oriented(turn)
        return padded(result, with: PixelColor(red: fillLevel, green: fillLevel, blue: fillLevel))
    }
}

/// How a picture is resized before it is turned upright. Turning afterwards gives the same bytes if the passes run in the
/// order and in the direction in which they would run on the upright picture.
private struct StoredPlan {
    let columns: ResampleAxis
    let rows: ResampleAxis
    let order: Resampling.PassOrder
    let height: Int

    /// - Parameters:
    ///   - target: of the upright picture.
    ///   - width: columns of the picture as stored.
    ///   - height: rows of the picture as stored.
    init(
        _ target: ResizeTarget, _ turn: ImageOrientation, width: Int, height: Int, filter: ResampleFilter,
        release: PillowRelease
    ) {
        let (uprightWidth, uprightHeight) = turn.swapsAxes ? (height, width) : (width, height)
        let across = ResampleAxis(
            sourceCount: uprightWidth, box: 0..<uprightWidth, targetCount: target.width, targets: target.columns,
            filter: filter, tapAlignment: 4)
        let down = ResampleAxis(
            sourceCount: uprightHeight, box: 0..<uprightHeight, targetCount: target.height, targets: target.rows,
            filter: filter, tapAlignment: 4)
        let order = release.passOrder(
            width: uprightWidth, height: uprightHeight, targetWidth: target.width, targetHeight: target.height)
        let storedColumns = turn.swapsAxes ? down : across
        let storedRows = turn.swapsAxes ? across : down
        columns = turn.startsAtRight ? storedColumns.mirrored() : storedColumns
        rows = turn.startsAtBottom ? storedRows.mirrored() : storedRows
        self.order = turn.swapsAxes ? order.other : order
        self.height = height
    }

    /// The target's pixels in the order in which the picture is stored.
    func resampled(
        _ source: inout JPEGRows, _ seconds: inout PreprocessingSeconds
    ) throws(ImagingError) -> [UInt8] {
        let needed = rows.sourceRange
        var stream = ResampleStream(
            format: .rgb8, columns: columns.within(source.columns), rows: rows.within(needed), order: order)
        let rowByteCount = 3 * source.columns.count
        // A strip stays in the second-level cache with what the passes make of it.
        var strip = [UInt8](repeating: 0, count: rowByteCount * max(8, min(64, (1 << 18) / rowByteCount & ~7)))
        var last = ContinuousClock.now
        func lap(_ total: inout Double) {
            let now = ContinuousClock.now
            total += (now - last) / .seconds(1)
            last = now
        }
        try source.skip(needed.lowerBound)
        while stream.rowCount < needed.count {
            let missing = rowByteCount * (needed.count - stream.rowCount)
            if missing < strip.count { strip.removeLast(strip.count - missing) }
            try source.read(into: &strip)
            lap(&seconds.decode)
            stream.append(strip.span)
            lap(&seconds.resample)
        }
        // The rest is read up to its last row, so that a file that ends early is refused whatever is cropped.
        if needed.upperBound < height {
            try source.skip(height - 1 - needed.upperBound)
            strip = [UInt8](repeating: 0, count: rowByteCount)
            try source.read(into: &strip)
            lap(&seconds.decode)
        }
        defer { lap(&seconds.resample) }
        return stream.finish()
    }
}

extension ImageOrientation {
    /// Whether the upright picture runs against the stored columns.
    fileprivate var startsAtRight: Bool {
        [.flippedHorizontally, .rotated180, .transversed, .rotated90CounterClockwise].contains(self)
    }

    /// Whether the upright picture runs against the stored rows.
    fileprivate var startsAtBottom: Bool {
        [.flippedVertically, .rotated180, .transversed, .rotated90Clockwise].contains(self)
    }
}

extension Resampling.PassOrder {
    fileprivate var other: Resampling.PassOrder { self == .columnsFirst ? .rowsFirst : .columnsFirst }
}
