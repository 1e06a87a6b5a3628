import Imaging

/// A picture being drawn: anti-aliased filling of paths by exact area coverage.
///
/// Each edge adds, per row, the change of covered area from one pixel to the next; the running sum along the row is then
/// the coverage. No supersampling: the cost is the edges' height plus the bounding box.
struct Canvas {
    let width: Int
    let height: Int
    /// Red, green, blue from 0 to 1, row-major.
    private var channels: [Float]
    /// Changes of coverage; all zero between calls. Two more columns than the picture, for what lies right of it.
    private var changes: [Float]

    init(width: Int, height: Int, color: Tint) {
        precondition(width >= 1 && height >= 1, "Canvas(\(width) × \(height))")
        self.width = width
        self.height = height
        changes = [Float](repeating: 0, count: (width + 2) * height)
        channels = []
        channels.reserveCapacity(3 * width * height)
        for _ in 0..<width * height {
            channels.append(color.red)
            channels.append(color.green)
            channels.append(color.blue)
        }
    }

    /// Fills a path given in canvas coordinates (pixels).
    mutating func fill(_ path: Path, _ paint: Paint) {
        var low = Point(.infinity, .infinity)
        var high = Point(-.infinity, -.infinity)
        for contour in path.contours {
            for point in contour {
                low = Point(min(low.x, point.x), min(low.y, point.y))
                high = Point(max(high.x, point.x), max(high.y, point.y))
            }
        }
        guard low.x < Float(width), low.y < Float(height), high.x > 0, high.y > 0 else { return }
        let rows = Int(max(0, low.y))..<min(height, Int(high.y.rounded(.up)))
        let columns = Int(max(0, low.x))..<min(width, Int(high.x.rounded(.up)))
        guard !rows.isEmpty, !columns.isEmpty else { return }
        for contour in path.contours where contour.count > 1 {
            var from = contour[contour.count - 1]
            for to in contour {
                addEdge(from, to)
                from = to
            }
        }
        switch paint {
        case .solid(let tint, let opacity):
            blend(rows, columns) { _, _ in (tint, opacity) }
        case .linear(let start, let first, let end, let second):
            let along = end - start
            let scale = 1 / max(along.x * along.x + along.y * along.y, 1e-6)
            blend(rows, columns) { x, y in
                let share = ((x - start.x) * along.x + (y - start.y) * along.y) * scale
                return (first.mixed(with: second, min(max(share, 0), 1)), 1)
            }
        case .radial(let center, let radius, let inner, let opacity, let outer, let outerOpacity):
            let scale = 1 / max(radius, 1e-6)
            blend(rows, columns) { x, y in
                let (dx, dy) = (x - center.x, y - center.y)
                let share = min((dx * dx + dy * dy).squareRoot() * scale, 1)
                return (inner.mixed(with: outer, share), opacity + (outerOpacity - opacity) * share)
            }
        }
    }

    /// Fills the whole picture.
    mutating func fillAll(_ paint: Paint) {
        fill(Path(x: 0, y: 0, width: Float(width), height: Float(height)), paint)
    }

    /// Adds the same offset to the three channels of each pixel, and multiplies by a colour.
    mutating func develop(gain: Tint, grain: (Int) -> Float) {
        for index in 0..<width * height {
            let noise = grain(index)
            channels[3 * index] = channels[3 * index] * gain.red + noise
            channels[3 * index + 1] = channels[3 * index + 1] * gain.green + noise
            channels[3 * index + 2] = channels[3 * index + 2] * gain.blue + noise
        }
    }

    /// The picture in 8 bits, rounded.
    func image() -> PixelImage {
        PixelImage(width: width, height: height, bytes: channels.map { UInt8(min(max($0, 0), 1) * 255 + 0.5) })
    }

    /// Adds one edge's changes of coverage, row by row.
    private mutating func addEdge(_ from: Point, _ to: Point) {
        guard from.y != to.y else { return }
        let direction: Float = from.y < to.y ? 1 : -1
        let (top, bottom) = from.y < to.y ? (from, to) : (to, from)
        let firstY = max(top.y, 0)
        let lastY = min(bottom.y, Float(height))
        guard firstY < lastY else { return }
        let slope = (bottom.x - top.x) / (bottom.y - top.y)
        let limit = Float(width)
        var y = firstY
        var x = top.x + (firstY - top.y) * slope
        for row in Int(firstY)..<Int(lastY.rounded(.up)) {
            let nextY = min(Float(row + 1), lastY)
            let nextX = x + (nextY - y) * slope
            // Left of the picture an edge covers whole rows; right of it, nothing.
            let left = min(max(min(x, nextX), 0), limit)
            let right = min(max(max(x, nextX), 0), limit)
            addCoverage(row: row, amount: direction * (nextY - y), left, right)
            (x, y) = (nextX, nextY)
        }
    }

    /// An edge that crosses a row (or a part `amount` of it) from x = `left` to x = `right`.
    ///
    /// The area right of it within a row, up to x = t, is G(t) = (t − left)² / 2(right − left) between the two, and
    /// t − (left + right) / 2 beyond; pixel i is covered by G(i + 1) − G(i).
    private mutating func addCoverage(row: Int, amount: Float, _ left: Float, _ right: Float) {
        let first = Int(left)
        var index = row * (width + 2) + first
        let middle = (left + right) / 2
        if right <= Float(first + 1) {
            // Within one pixel, the common case.
            let covered = amount * (Float(first + 1) - middle)
            changes[index] += covered
            changes[index + 1] += amount - covered
            return
        }
        let scale = 1 / (2 * (right - left))
        var area: Float = 0
        var coverage: Float = 0
        var t = Float(first + 1)
        while true {
            let next = t >= right ? t - middle : (t - left) * (t - left) * scale
            changes[index] += amount * (next - area - coverage)
            coverage = next - area
            area = next
            if t >= right { break }
            t += 1
            index += 1
        }
        changes[index + 1] += amount * (1 - coverage)
    }

    /// Sums up the changes inside the box, clears them, and blends the paint by coverage.
    private mutating func blend(_ rows: Range<Int>, _ columns: Range<Int>, _ color: (Float, Float) -> (Tint, Float)) {
        for row in rows {
            let base = row * (width + 2)
            var sum: Float = 0
            for column in columns {
                sum += changes[base + column]
                changes[base + column] = 0
                let coverage = min(abs(sum), 1)
                guard coverage > 0.002 else { continue }
                let (tint, opacity) = color(Float(column) + 0.5, Float(row) + 0.5)
                let share = coverage * opacity
                let pixel = 3 * (row * width + column)
                channels[pixel] += (tint.red - channels[pixel]) * share
                channels[pixel + 1] += (tint.green - channels[pixel + 1]) * share
                channels[pixel + 2] += (tint.blue - channels[pixel + 2]) * share
            }
            changes[base + columns.upperBound] = 0
            changes[base + columns.upperBound + 1] = 0
        }
    }
}
