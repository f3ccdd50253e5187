"""equipoise.demo"""
