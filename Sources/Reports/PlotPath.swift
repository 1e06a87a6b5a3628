/// Turns the points of a line into drawable parts.
enum PlotPath {
    typealias Place = (x: Double, y: Double)

    /// The runs of consecutive points that have a place, each reduced to at most four places per column:
    /// the first, lowest, highest and last, which draws the same picture.
    static func parts(
        _ points: [LineSeries.Point], columnCount: Int, place: (LineSeries.Point) -> Place?
    ) -> [[Place]] {
        var parts: [[Place]] = []
        var current: [Place] = []
        for point in points {
            if let place = place(point) {
                current.append(place)
            } else if !current.isEmpty {
                parts.append(current)
                current = []
            }
        }
        if !current.isEmpty { parts.append(current) }
        // Many gaps could make many parts; past a few per column the short ones cannot be told apart.
        if parts.count > 4 * columnCount {
            let keep = (parts.count + columnCount - 1) / columnCount
            parts = parts.enumerated().filter { $0.offset % keep == 0 }.map(\.element)
        }
        return parts.map(reduced)
    }

    private static func reduced(_ places: [Place]) -> [Place] {
        var result: [Place] = []
        var start = 0
        while start < places.count {
            let column = places[start].x.rounded(.down)
            var end = start
            var low = start
            var high = start
            while end < places.count && places[end].x.rounded(.down) == column {
                if places[end].y < places[low].y { low = end }
                if places[end].y > places[high].y { high = end }
                end += 1
            }
            for index in Set([start, low, high, end - 1]).sorted() { result.append(places[index]) }
            start = end
        }
        return result
    }
}
