"""equipoise.qubo"""
