"""equipoise.bench"""
